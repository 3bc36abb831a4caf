/** One variable of the environment, as the documentation and `.env.example` show it. */
interface Variable {
  readonly name: string;
  readonly description: string;
  /** What holds when it is absent, in words. */
  readonly otherwise: string;
  readonly example: string;
}

/** Every variable that the facilitator reads. `.env.example` is a copy of this table, and a test keeps it one. */
export const configurationVariables = [
  {
    name: 'ENVIRONMENT',
    description: 'development or production; production refuses every unsafe default',
    otherwise: 'production',
    example: 'development',
  },
  {
    name: 'ROLE',
    description: 'all, api (takes payments, holds no signer key) or settler (signs what others took)',
    otherwise: 'all',
    example: 'all',
  },
  { name: 'PORT', description: 'TCP port of the HTTP service', otherwise: '4022', example: '4022' },
  {
    name: 'HOST',
    description: 'Address to listen on',
    otherwise: '127.0.0.1 in development, 0.0.0.0 in production',
    example: '127.0.0.1',
  },
  { name: 'LOG_LEVEL', description: 'trace, debug, info, warn, error or silent', otherwise: 'info', example: 'info' },
  {
    name: 'DATABASE_URL',
    description: 'PostgreSQL 16 or newer; the login must be a member of the role tollkeeper_app',
    otherwise: 'an embedded PostgreSQL under DATA_DIR (development only)',
    example: 'postgresql://tollkeeper:password@localhost:5432/tollkeeper',
  },
  {
    name: 'DATABASE_OWNER_URL',
    description: 'The login that `tollkeeper migrate` uses; it owns the tables',
    otherwise: 'DATABASE_URL',
    example: 'postgresql://owner:password@localhost:5432/tollkeeper',
  },
  {
    name: 'DATA_DIR',
    description: 'Folder for the embedded database and for generated secrets',
    otherwise: './data',
    example: './data',
  },
  {
    name: 'WALLET_ENCRYPTION_KEY',
    description: '64 hex characters; encrypts the keys of deposit addresses',
    otherwise: 'generated once into DATA_DIR (development only)',
    example: '0000000000000000000000000000000000000000000000000000000000000000',
  },
  {
    name: 'WALLET_ENCRYPTION_KEY_NEXT',
    description:
      'What `tollkeeper encryption rotate` encrypts the keys of deposit addresses under; give it to the service first',
    otherwise: 'no rotation',
    example: '0000000000000000000000000000000000000000000000000000000000000000',
  },
  {
    name: 'WALLET_ENCRYPTION_KEY_PREVIOUS',
    description:
      'Opens deposit keys that are still encrypted under it; for a service that was given the new key too early',
    otherwise: 'none',
    example: '0000000000000000000000000000000000000000000000000000000000000000',
  },
  {
    name: 'EVM_NETWORK',
    description: 'CAIP-2 id (or version 1 name) of the EVM network',
    otherwise: 'no EVM network',
    example: 'eip155:84532',
  },
  {
    name: 'EVM_RPC_URL',
    description:
      'JSON-RPC endpoints of the EVM network, comma-separated; the next one is used when one does not answer. Never printed',
    otherwise: 'none; needed with EVM_NETWORK',
    example: 'http://127.0.0.1:8545',
  },
  {
    name: 'EVM_RPC_LAG_BLOCKS',
    description: 'An endpoint that is more blocks than this behind the others is left out',
    otherwise: '5',
    example: '5',
  },
  {
    name: 'EVM_PRIVATE_KEY',
    description:
      'Hex keys of the accounts that send settlements and pay gas, comma-separated; each is a lane of its own',
    otherwise: 'none; needed with EVM_NETWORK unless ROLE is api',
    example: '0x0000000000000000000000000000000000000000000000000000000000000001',
  },
  {
    name: 'EVM_SIGNER_ADDRESS',
    description: "The addresses of the settlers' accounts, comma-separated, for ROLE=api in place of EVM_PRIVATE_KEY",
    otherwise: 'those of EVM_PRIVATE_KEY',
    example: '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf',
  },
  {
    name: 'EVM_ASSETS',
    description: 'Token addresses to accept besides the known stablecoins, comma-separated',
    otherwise: 'only the known stablecoins of the network',
    example: '0x036CbD53842c5426634e7929541eC2318f3dCF7e',
  },
  {
    name: 'EVM_CONFIRMATIONS',
    description: 'Blocks that must hold a transaction before it counts, its own included, 1 to 1000',
    otherwise: '1',
    example: '1',
  },
  {
    name: 'EVM_FINALITY_DEPTH',
    description: 'Blocks on top of a transaction that make it final where the node knows no finalized block',
    otherwise: '5000',
    example: '5000',
  },
  {
    name: 'EVM_GAS_LIMIT_MAX',
    description: 'Gas that one payment may use; a token that needs more is refused',
    otherwise: '300000',
    example: '300000',
  },
  {
    name: 'EVM_MAX_FEE_PER_GAS_WEI',
    description: 'The most that is paid per gas, in wei; giving up a place that is stuck at it may cost an eighth more',
    otherwise: '500000000000',
    example: '500000000000',
  },
  {
    name: 'EVM_DAILY_BUDGET_WEI',
    description:
      'What payments to one merchant, or to one payTo that is no merchant’s, may cost in network fees on one day (UTC), in wei',
    otherwise: 'no limit',
    example: '10000000000000000',
  },
  {
    name: 'EVM_SIGNER_BALANCE_MIN_WEI',
    description: 'An account with less than this signs nothing until it is funded',
    otherwise: '100000000000000',
    example: '100000000000000',
  },
  {
    name: 'SVM_NETWORK',
    description: 'CAIP-2 id (or version 1 name) of the Solana network',
    otherwise: 'no Solana network',
    example: 'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1',
  },
  {
    name: 'SVM_RPC_URL',
    description:
      'JSON-RPC endpoints of the Solana network, comma-separated; the next one is used when one does not answer. Never printed',
    otherwise: 'none; needed with SVM_NETWORK',
    example: 'http://127.0.0.1:8899',
  },
  {
    name: 'SVM_RPC_LAG_BLOCKS',
    description: 'The same for Solana',
    otherwise: '25',
    example: '25',
  },
  {
    name: 'SVM_PRIVATE_KEY',
    description: 'Base58 secret key of the fee payer',
    otherwise: 'none; needed with SVM_NETWORK unless ROLE is api',
    example: 'base58-secret-key-of-64-bytes',
  },
  {
    name: 'SVM_SIGNER_ADDRESS',
    description: 'The address of the fee payer, for ROLE=api in place of SVM_PRIVATE_KEY',
    otherwise: 'that of SVM_PRIVATE_KEY',
    example: 'base58-address-of-the-fee-payer',
  },
  {
    name: 'SVM_ASSETS',
    description: 'Mints to accept besides the known stablecoins, comma-separated',
    otherwise: 'only the known stablecoins of the network',
    example: '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU',
  },
  {
    name: 'SVM_COMMITMENT',
    description: 'confirmed or finalized: from when on a Solana transaction counts',
    otherwise: 'confirmed',
    example: 'confirmed',
  },
  {
    name: 'SVM_DAILY_BUDGET_LAMPORTS',
    description:
      'What payments to one merchant, or to one payTo that is no merchant’s, may cost in network fees on one day (UTC), in lamports',
    otherwise: 'no limit',
    example: '100000000',
  },
  {
    name: 'SVM_SIGNER_BALANCE_MIN_LAMPORTS',
    description: 'A fee payer with less than this signs nothing until it is funded',
    otherwise: '5000000',
    example: '5000000',
  },
  {
    name: 'RPC_TIMEOUT_MS',
    description: 'How long one call to a chain may take, all the endpoints tried for it included, 500 to 60000',
    otherwise: '10000',
    example: '10000',
  },
  {
    name: 'RPC_COOLDOWN_MS',
    description:
      'How long an RPC endpoint that did not answer, or refused to serve, is left alone; up to 64 times as long while that lasts',
    otherwise: '1000',
    example: '1000',
  },
  {
    name: 'RPC_COMPARE_MS',
    description: 'How often the endpoints of a network are compared, where there are several and while they are used',
    otherwise: '5000',
    example: '5000',
  },
  {
    name: 'MINIMUM_AMOUNT',
    description: 'Payments of less than this are refused, in minor units of their token',
    otherwise: '1',
    example: '1000',
  },
  {
    name: 'PAYER_FAILURES_MAX',
    description:
      'A payer with so many payments that failed in a block, at our cost, within ten minutes is turned away for a while',
    otherwise: '5',
    example: '5',
  },
  {
    name: 'REPLACE_AFTER_MS',
    description: 'A transaction that no block has taken for this long is sent again with a higher fee, 1000 to 600000',
    otherwise: '15000',
    example: '15000',
  },
  {
    name: 'SETTLE_QUEUE_MAX',
    description:
      'So many payments of one network, and a tenth as many of one payer, may wait for a signature in one process; more are answered 503 before they are claimed',
    otherwise: '5000',
    example: '5000',
  },
  {
    name: 'SETTLE_WAIT_MS',
    description: 'How long /settle waits for the chain before it answers settlement_pending, 1000 to 60000',
    otherwise: '20000',
    example: '20000',
  },
  {
    name: 'TRANSFER_LIFETIME_SECONDS',
    description: 'How long a transfer between wallets waits for its claim before it goes back, 1 to 2592000',
    otherwise: '86400',
    example: '86400',
  },
  {
    name: 'RECONCILE_INTERVAL_SECONDS',
    description: 'How often the books are held against themselves and the chains, 10 to 86400',
    otherwise: '900',
    example: '900',
  },
] as const satisfies readonly Variable[];

export type VariableName = (typeof configurationVariables)[number]['name'];
