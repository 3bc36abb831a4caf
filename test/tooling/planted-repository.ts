import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of this repository. */
export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

export const packageNames = ['protocol', 'evm', 'svm', 'database', 'ledger', 'facilitator', 'client', 'sandbox'];

export interface PlantedRepository {
  readonly root: string;
  readonly plant: (files: Readonly<Record<string, string>>) => Promise<void>;
  readonly remove: () => Promise<void>;
}

/**
 * A temporary repository with the real workspaces' manifests and empty source, in which a test plants a breach of a rule.
 * It has no `node_modules`: each test brings what its tool needs.
 */
export async function createPlantedRepository(configFile: string): Promise<PlantedRepository> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'tollkeeper-tooling-')));
  const plant = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
  };

  for (const file of [configFile, 'package.json', 'tsconfig.base.json', 'tsconfig.lint.json']) {
    await cp(join(repositoryRoot, file), join(root, file));
  }
  for (const name of packageNames) {
    const folder = join('packages', name);
    await plant({ [join(folder, 'src/index.ts')]: 'export {};\n' });
    await cp(join(repositoryRoot, folder, 'package.json'), join(root, folder, 'package.json'));
  }
  return { root, plant, remove: () => rm(root, { recursive: true, force: true }) };
}
