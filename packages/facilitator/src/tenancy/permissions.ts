/**
 * What a key may be allowed to do. Each stands alone: `admin` manages keys and reads the audit, and moves no money by itself.
 * `withdraw` asks for a withdrawal and `approve` releases one, so that two people can be needed for it.
 */
export const permissions = ['read', 'write', 'withdraw', 'approve', 'admin'] as const;

export type Permission = (typeof permissions)[number];
