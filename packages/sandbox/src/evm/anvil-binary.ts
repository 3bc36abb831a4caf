import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const platforms: Readonly<Record<string, string>> = {
  'darwin-arm64': '@foundry-rs/anvil-darwin-arm64',
  'darwin-x64': '@foundry-rs/anvil-darwin-amd64',
  'linux-arm64': '@foundry-rs/anvil-linux-arm64',
  'linux-x64': '@foundry-rs/anvil-linux-amd64',
  'win32-x64': '@foundry-rs/anvil-win32-amd64',
};

/** Path of the anvil executable that npm installed for this machine. */
export function findAnvilBinary(): string {
  const platform = `${process.platform}-${process.arch}`;
  const packageName = platforms[platform];
  if (packageName === undefined) throw new Error(`anvil has no build for ${platform}`);
  const file = process.platform === 'win32' ? 'anvil.exe' : 'anvil';
  // The platform package is a dependency of the anvil package, so it is looked up from there.
  const fromHere = createRequire(import.meta.url);
  const fromAnvil = createRequire(fromHere.resolve('@foundry-rs/anvil/package.json'));
  try {
    const path = fromAnvil.resolve(`${packageName}/bin/${file}`);
    if (existsSync(path)) return path;
  } catch {
    // Reported below in words that say what to do.
  }
  throw new Error(`${packageName} is not installed; run npm ci without --omit=optional`);
}
