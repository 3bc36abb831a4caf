import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { repositoryRoot } from './planted-repository.js';

interface SecurityContext {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly seccompProfile?: { readonly type: string };
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: { readonly drop: readonly string[] };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface EnvironmentSource {
  readonly configMapRef?: { readonly name: string };
  readonly secretRef?: { readonly name: string };
}

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly envFrom: readonly EnvironmentSource[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly securityContext: SecurityContext;
  readonly resources: Readonly<Record<'requests' | 'limits', Readonly<Record<string, string>>>>;
}

interface PodSpec {
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext: SecurityContext;
  readonly containers: readonly Container[];
}

interface Manifest {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: { readonly name: string };
  readonly resources?: readonly string[];
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly selector?: Readonly<Record<string, unknown>>;
    readonly template?: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: PodSpec;
    };
    readonly ports?: readonly { readonly targetPort: string }[];
  };
}

async function readManifests(): Promise<readonly Manifest[]> {
  const folder = join(repositoryRoot, 'k8s');
  const entries = await readdir(folder, { recursive: true });
  const files = entries.filter((file) => file.endsWith('.yaml'));
  const documents = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(folder, file), 'utf8');
      return parseAllDocuments(text, { strict: true, uniqueKeys: true }).map((document) => {
        if (document.errors.length > 0) throw new Error(`${file}: ${String(document.errors[0])}`);
        return { ...(document.toJS() as Omit<Manifest, 'file'>), file };
      });
    }),
  );
  return documents.flat();
}

/** The variable names that `.env.example` shows, commented out or not. */
async function readVariableNames(): Promise<ReadonlySet<string>> {
  const text = await readFile(join(repositoryRoot, '.env.example'), 'utf8');
  return new Set([...text.matchAll(/^#?\s*([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name ?? ''));
}

describe('the Kubernetes manifests', () => {
  let manifests: readonly Manifest[];

  const find = (kind: string, name: string): Manifest => {
    const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata?.name === name);
    if (found === undefined) throw new Error(`There is no ${kind} named ${name}`);
    return found;
  };
  const podOf = (manifest: Manifest): PodSpec => {
    const pod = manifest.spec?.template?.spec;
    if (pod === undefined) throw new Error(`${manifest.file} has no pod`);
    return pod;
  };
  const containerOf = (manifest: Manifest): Container => {
    const [container, ...others] = podOf(manifest).containers;
    if (container === undefined || others.length > 0) throw new Error(`${manifest.file} should have one container`);
    return container;
  };

  beforeAll(async () => {
    manifests = await readManifests();
  });

  test('each has a kind, a version and a name', () => {
    const unnamed = manifests.filter(
      (manifest) =>
        !manifest.apiVersion || !manifest.kind || (manifest.kind !== 'Kustomization' && !manifest.metadata?.name),
    );
    expect(unnamed).toEqual([]);
  });

  test('each is part of a kustomization, except the example secrets', () => {
    const listed = manifests
      .filter(({ kind }) => kind === 'Kustomization')
      .flatMap(({ file, resources = [] }) => resources.map((resource) => join(dirname(file), resource)));
    const expected = manifests
      .filter(({ kind, file }) => kind !== 'Kustomization' && !file.endsWith('secret.example.yaml'))
      .map(({ file }) => relative('.', file));
    expect([...listed].sort()).toEqual([...expected].sort());
  });

  test('every variable they set is one that the facilitator reads', async () => {
    const known = await readVariableNames();
    const set = manifests.flatMap(({ data = {}, stringData = {} }) => Object.keys({ ...data, ...stringData }));
    expect(set.length).toBeGreaterThan(0);
    expect(set.filter((name) => !known.has(name))).toEqual([]);
  });

  test('keys and addresses with credentials are secrets, and the examples hold no real one', () => {
    const open = Object.keys(find('ConfigMap', 'tollkeeper').data ?? {});
    expect(open.filter((name) => /KEY|SECRET|PASSWORD|URL/.test(name))).toEqual([]);
    const placeholders = manifests
      .filter(({ kind }) => kind === 'Secret')
      .flatMap(({ stringData = {} }) => Object.values(stringData));
    expect(placeholders.filter((value) => !value.includes('replace'))).toEqual([]);
  });

  test('every configuration that a pod refers to exists', () => {
    const references = manifests
      .filter((manifest) => manifest.spec?.template !== undefined)
      .flatMap((manifest) => containerOf(manifest).envFrom);
    for (const { configMapRef, secretRef } of references) {
      if (configMapRef !== undefined) find('ConfigMap', configMapRef.name);
      if (secretRef !== undefined) find('Secret', secretRef.name);
    }
    expect(references.length).toBeGreaterThan(0);
  });

  test('only the migration knows the login that owns the tables', () => {
    const secretsOf = (manifest: Manifest) => containerOf(manifest).envFrom.map(({ secretRef }) => secretRef?.name);
    expect(secretsOf(find('Deployment', 'tollkeeper'))).not.toContain('tollkeeper-owner');
    expect(find('Secret', 'tollkeeper').stringData).not.toHaveProperty('DATABASE_OWNER_URL');
    expect(secretsOf(find('Job', 'tollkeeper-migrate'))).toContain('tollkeeper-owner');
  });

  test.each([
    ['Deployment', 'tollkeeper', 'serve'],
    ['Job', 'tollkeeper-migrate', 'migrate'],
  ])('the %s %s runs `%s` without privileges on a read-only disk', (kind, name, command) => {
    const manifest = find(kind, name);
    const container = containerOf(manifest);
    expect(container.args).toEqual([command]);
    expect(podOf(manifest).securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.resources.limits).toHaveProperty('memory');
    expect(container.resources.requests).toHaveProperty('cpu');
  });

  test('a pod is alive by /health and takes traffic by /ready', () => {
    const container = containerOf(find('Deployment', 'tollkeeper'));
    expect(container.startupProbe?.httpGet).toEqual({ path: '/health', port: 'http' });
    expect(container.livenessProbe?.httpGet).toEqual({ path: '/health', port: 'http' });
    expect(container.readinessProbe?.httpGet).toEqual({ path: '/ready', port: 'http' });
  });

  test('a pod has time to finish the settlements that wait for the chain', () => {
    const settleWaitMs = Number(find('ConfigMap', 'tollkeeper').data?.['SETTLE_WAIT_MS']);
    const graceSeconds = podOf(find('Deployment', 'tollkeeper')).terminationGracePeriodSeconds ?? 0;
    expect(graceSeconds * 1000).toBeGreaterThanOrEqual(settleWaitMs * 2);
  });

  test('the service reaches the port that the process listens on', () => {
    const [port] = containerOf(find('Deployment', 'tollkeeper')).ports ?? [];
    const service = find('Service', 'tollkeeper');
    expect(port).toEqual({ name: 'http', containerPort: Number(find('ConfigMap', 'tollkeeper').data?.['PORT']) });
    expect(service.spec?.ports?.map(({ targetPort }) => targetPort)).toEqual(['http']);
    expect(find('Deployment', 'tollkeeper').spec?.template?.metadata.labels).toMatchObject(
      service.spec?.selector ?? { missing: true },
    );
  });
});

describe('the Dockerfile', () => {
  let stages: readonly string[];

  beforeAll(async () => {
    const text = await readFile(join(repositoryRoot, 'Dockerfile'), 'utf8');
    stages = text.split(/^(?=FROM )/m).slice(1);
  });

  test('ships production dependencies only, without a root user', () => {
    const image = stages.at(-1) ?? '';
    expect(image).toMatch(/^USER 1000:1000$/m);
    expect(image).toMatch(/\bENVIRONMENT=production\b/);
    expect(image).not.toMatch(/npm |sandbox/);
    expect(image).toContain('COPY --from=production');
    expect(stages.find((stage) => /AS production$/m.test(stage))).toMatch(/--omit=dev --omit=optional/);
  });

  test('starts the service, with flags that Node knows', async () => {
    const entryPoint = /^ENTRYPOINT (.+)$/m.exec(stages.at(-1) ?? '')?.[1] ?? '[]';
    const [command, ...given] = JSON.parse(entryPoint) as string[];
    expect([command, given.pop()]).toEqual(['node', 'packages/facilitator/dist/main.js']);
    // Fails for a flag that it does not know.
    const { stdout } = await promisify(execFile)(process.execPath, [...given, '--print', '"started"']);
    expect(stdout.trim()).toBe('started');
  });

  test('copies nothing that .dockerignore keeps out', async () => {
    const ignore = await readFile(join(repositoryRoot, '.dockerignore'), 'utf8');
    const allowed = new Set([...ignore.matchAll(/^!(.+)$/gm)].map(([, path]) => path));
    const copied = stages.flatMap((stage) =>
      [...stage.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) => paths.split(' ')),
    );
    expect(copied.length).toBeGreaterThan(0);
    expect(copied.filter((path) => !allowed.has(path.split('/')[0]))).toEqual([]);
  });
});
