/** Examples of the protocol's own routes, consistent with each other: one payment of a cent on Base Sepolia. */
const requirements = {
  scheme: 'exact',
  network: 'eip155:84532',
  amount: '10000',
  asset: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
  payTo: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
  maxTimeoutSeconds: 60,
  extra: { name: 'USDC', version: '2' },
};

export const exampleRequest = {
  x402Version: 2,
  paymentPayload: {
    x402Version: 2,
    accepted: requirements,
    payload: {
      signature:
        '0x2d6a7588d6acca505cbf0d9a4a227e0c52c6c34008c8e8986a1283259764173608a2ce6496642e377d6da8dbbf5836e9bd15092f9ecab05ded3d6293af148b571c',
      authorization: {
        from: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
        to: requirements.payTo,
        value: requirements.amount,
        validAfter: '1795500000',
        validBefore: '1795500060',
        nonce: '0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480',
      },
    },
  },
  paymentRequirements: requirements,
};

const paymentId = '01a1fb55-c883-7380-b4e9-6572727b9828';
const transaction = '0x10514ddc506efa353009958b0052ba365ccc849a4a74a7373950b6f4263165bd';

export const exampleSuccess = {
  success: true,
  payer: exampleRequest.paymentPayload.payload.authorization.from,
  transaction,
  network: requirements.network,
  amount: requirements.amount,
  extra: { paymentId, paymentState: 'settled' },
};

export const exampleSupported = {
  kinds: [
    { x402Version: 2, scheme: 'exact', network: requirements.network },
    { x402Version: 1, scheme: 'exact', network: 'base-sepolia' },
  ],
  extensions: [],
  signers: { 'eip155:*': ['0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'] },
};

export const exampleReport = {
  id: paymentId,
  state: 'settled',
  paymentState: 'settled',
  scheme: requirements.scheme,
  network: requirements.network,
  asset: requirements.asset,
  amount: requirements.amount,
  payer: exampleSuccess.payer,
  payTo: requirements.payTo,
  transaction,
  failure: null,
  claimedAt: '2026-11-24T10:00:00.000Z',
  submittedAt: '2026-11-24T10:00:00.120Z',
  concludedAt: '2026-11-24T10:00:02.300Z',
  overdue: false,
  answerDeliveredAt: '2026-11-24T10:00:02.310Z',
  attempts: [
    {
      transaction,
      signer: '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
      accountNonce: '7',
      signedAt: '2026-11-24T10:00:00.110Z',
      feePaid: '1063820000000',
    },
  ],
  evidence: {
    transaction,
    position: '1',
    blockNumber: '33817264',
    blockHash: '0x8c1f7a2f0f3a1c0e7f4f6f0a2f3b7a9d1c4e5b6a7d8e9f00112233445566778b',
    credited: true,
    finality: 'confirmed',
    finalAt: null,
    reversedAt: null,
  },
};
