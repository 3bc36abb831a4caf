# The facilitator alone: no sandbox, no embedded database, no compiler, no package manager's cache.
ARG NODE_IMAGE=node:24-bookworm

# What npm needs to know of the workspaces, so that editing source does not reinstall anything.
FROM ${NODE_IMAGE}-slim AS manifests
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY third-party third-party
COPY packages packages
RUN find packages -type f ! -path 'packages/*/package.json' -delete && find packages -type d -empty -delete

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY --from=manifests /app ./
RUN npm ci --ignore-scripts --workspace @tollkeeper/facilitator --include-workspace-root
COPY tsconfig.base.json ./
COPY scripts scripts
COPY prisma prisma
COPY packages packages
RUN npm run generate && npx tsc -b packages/facilitator
# Keep what runs: compiled files, without what is there for tests and without build state.
RUN find packages -mindepth 2 -maxdepth 2 ! -name dist -exec rm -rf {} + \
  && rm -rf packages/*/dist/testing \
  && find packages -name .tsbuildinfo -delete \
  && find packages -type d -empty -delete

FROM ${NODE_IMAGE} AS production
WORKDIR /app
COPY --from=manifests /app ./
# Optional packages are the embedded database's binaries; peers are build tools that only Prisma's command line wants.
RUN npm ci --ignore-scripts --omit=dev --omit=optional --legacy-peer-deps \
    --workspace @tollkeeper/facilitator --include-workspace-root=false
# Where no binary is shipped for the processor, this compiles it against the headers of the image.
RUN npm_config_nodedir=/usr/local npm rebuild secp256k1
# Prisma ships a query compiler for every database it knows.
RUN find node_modules/@prisma/client/runtime \( -name 'query_compiler*' ! -name '*postgresql*' -o -name '*.map' \) -delete

FROM ${NODE_IMAGE}-slim AS facilitator
LABEL org.opencontainers.image.title="tollkeeper" \
      org.opencontainers.image.description="x402 payment facilitator that keeps the books" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    ENVIRONMENT=production \
    HOST=0.0.0.0 \
    PORT=4022 \
    DATA_DIR=/data
WORKDIR /app
RUN mkdir /data && chown node:node /data
COPY --from=production /app ./
COPY --from=build /app/packages packages
COPY prisma/migrations prisma/migrations
COPY LICENSE ./
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
EXPOSE 4022
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# V8 by itself takes twice the room for what is young, and collects what is old when it is nearly three times what is alive:
# a thousand payments at once took 240 MB, and take 180 MB for about as much processor time. What outlives a collection while its
# request waits for the chain is not put among the old from then on: it dies soon, and the collection of the old stops everybody.
ENTRYPOINT ["node", "--max-semi-space-size=8", "--heap-growing-percent=60", "--no-allocation-site-pretenuring", "packages/facilitator/dist/main.js"]
CMD ["serve"]
