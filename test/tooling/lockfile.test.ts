import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from './planted-repository.js';

interface LockedPackage {
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
type LockedPackages = Readonly<Record<string, LockedPackage>>;

async function readJson(file: string): Promise<unknown> {
  return JSON.parse(await readFile(join(repositoryRoot, file), 'utf8'));
}

/** Looks a dependency up as node does: beside the dependent, then in each folder above it. */
function isLocked(packages: LockedPackages, dependent: string, dependency: string): boolean {
  for (let folder = dependent; ;) {
    if (`${folder === '' ? '' : `${folder}/`}node_modules/${dependency}` in packages) return true;
    if (folder === '') return false;
    folder = folder.slice(0, Math.max(folder.lastIndexOf('/node_modules/'), 0));
  }
}

function findMissing(packages: LockedPackages): readonly string[] {
  return Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
      .filter((name) => !isLocked(packages, path, name))
      .map((name) => `${path} needs ${name}`),
  );
}

describe('package-lock.json', () => {
  test('names the binaries of every platform, or npm ci would refuse it on some of them', async () => {
    const { packages } = (await readJson('package-lock.json')) as { packages: LockedPackages };
    expect(findMissing(packages)).toEqual([]);
  });

  test('a dependency without an entry is found', () => {
    const packages = { 'node_modules/a': { optionalDependencies: { b: '1' } }, 'node_modules/a/node_modules/c': {} };
    expect(findMissing(packages)).toEqual(['node_modules/a needs b']);
  });

  test('every install script is decided upon in allowScripts', async () => {
    const { packages } = (await readJson('package-lock.json')) as { packages: LockedPackages };
    const { allowScripts } = (await readJson('package.json')) as { allowScripts: Readonly<Record<string, boolean>> };
    const scripted = Object.entries(packages)
      .filter(([, entry]) => entry.hasInstallScript === true)
      .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
    expect(Object.keys(allowScripts).sort()).toEqual([...new Set(scripted)].sort());
  });
});
