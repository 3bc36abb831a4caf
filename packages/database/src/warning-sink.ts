/** Takes trouble that was survived: a fixed sentence for the log, and the error where there is one. */
export type WarningSink = (message: string, error?: unknown) => void;
