import { startReferenceFacilitator, type ReferenceFacilitatorOptions } from '@tollkeeper/sandbox/demo';
import { serveParent } from './serve-parent.js';

serveParent(async (options: ReferenceFacilitatorOptions) => {
  const { url } = await startReferenceFacilitator(options);
  return { ready: { url } };
});
