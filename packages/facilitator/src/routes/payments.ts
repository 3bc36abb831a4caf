import { Fault, type PaymentReport } from '@tollkeeper/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

const Params = z.object({ id: z.uuid() });

/** `GET /payments/:id`: where a payment stands, what was sent for it, and the evidence. */
export function addPaymentRoute(
  app: FastifyInstance,
  report: (paymentId: string) => Promise<PaymentReport | undefined>,
): void {
  app.get('/payments/:id', async (request) => {
    const params = Params.safeParse(request.params);
    const found = params.success ? await report(params.data.id) : undefined;
    if (found === undefined) throw new Fault('PAYMENT_NOT_FOUND');
    return found;
  });
}
