/** What the command tells the shell. They are part of the interface: scripts branch on them. */
export const exitCodes = {
  ok: 0,
  /** It failed, or found what must not be: a difference, an altered entry. */
  failed: 1,
  /** The command line or the configuration is wrong; nothing was tried. */
  usage: 2,
  /** Nothing can be said: the database or a chain did not answer. */
  unchecked: 3,
} as const;

export const exitCodesHelp = `
Exit codes:
  0  done, and all is as it should be
  1  it failed, or found something wrong, such as a difference or an altered entry
  2  the command line or the configuration is wrong; nothing was tried
  3  could not be checked: the database or a chain did not answer`;
