export function compileContracts(): string;
