import { Fault, type FaultCode } from '@tollkeeper/protocol';

/** What Fastify itself refuses, by its error code. */
const ofFastify: Readonly<Record<string, FaultCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'REQUEST_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
  FST_ERR_CTP_EMPTY_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
};

/** Every thrown value as a fault of the catalogue; what nobody foresaw is `INTERNAL`. */
export function toFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  const known = ofFastify[code ?? ''];
  if (known !== undefined) return new Fault(known, {}, { cause: error });
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Fault('REQUEST_MALFORMED', { detail: 'The body is not valid JSON' }, { cause: error });
  }
  return new Fault('INTERNAL', {}, { cause: error });
}
