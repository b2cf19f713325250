# The first stage builds the binary with Bun; the image itself contains neither Bun nor the sources.
# To pin the images, pass them with their digests; docs/operating.md has the command.
ARG BUN_IMAGE=oven/bun:1.4.5
ARG BASE_IMAGE=debian:stable-slim
FROM ${BUN_IMAGE} AS build
WORKDIR /build
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --ignore-scripts
COPY . .
RUN bun scripts/build.ts

FROM ${BASE_IMAGE}
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --uid 10001 --no-create-home boardwalk \
  && install --directory --owner 10001 --mode 700 /var/lib/boardwalk
COPY --from=build /build/dist/boardwalk /usr/local/bin/boardwalk
USER 10001
WORKDIR /
EXPOSE 8000
# Liveness only: an unavailable ThingsBoard must not restart the gateway. Check readiness with `boardwalk ready`.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["boardwalk", "ready", "--live"]
ENTRYPOINT ["boardwalk"]
CMD ["serve"]
