# The binary is built where Bun and the sources are, and shipped where neither is.
FROM oven/bun:1.4.5 AS build
WORKDIR /build
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --ignore-scripts
COPY . .
RUN bun scripts/build.ts

FROM debian:stable-slim
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --uid 10001 --no-create-home boardwalk
COPY --from=build /build/dist/boardwalk /usr/local/bin/boardwalk
USER 10001
WORKDIR /
EXPOSE 8000
# Liveness only: a ThingsBoard that is away must not restart the gateway. For readiness ask `boardwalk ready`.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["boardwalk", "ready", "--live"]
ENTRYPOINT ["boardwalk"]
CMD ["serve"]
