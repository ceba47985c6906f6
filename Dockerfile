# Sluice as an image, or as a Debian package: built from the checkout and Debian's packages alone.
#
#   docker build -t sluice .                         (or buildah bud --layers -t sluice .)
#   docker build --target package -o packages .      and --build-arg BASE=debian:bookworm-slim for 12
#   docker build --target sbom -o . .                what is in it: sluice.cdx.json, CycloneDX
#
# Reproducible as long as Debian's packages stay the same and it is the same day: with
# `docker buildx build --build-arg SOURCE_DATE_EPOCH=0 --output type=image,rewrite-timestamp=true`, or
# `buildah bud --timestamp 0`, two builds make the same layers; the libraries' are tried in the tests.
#
# The runtime image is Debian's own base plus shared libraries and one program. It runs as uid 65532
# and writes nothing: give it a read-only root, and the configuration at /etc/sluice/sluice.toml.
ARG BASE=debian:trixie-slim

# ---- builder ----
FROM ${BASE} AS builder
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates ccache cmake dpkg-dev file g++ ninja-build pkg-config \
      libboost-dev libgoogle-perftools-dev libpq-dev librdkafka-dev libsimdjson-dev \
      libprotobuf-dev libprotoc-dev \
      libspdlog-dev libssl-dev libtomlplusplus-dev libyaml-cpp-dev prometheus-cpp-dev \
      zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Outside of the layers: `--volume DIR:/var/cache/ccache` makes a second build quick.
ENV CCACHE_DIR=/var/cache/ccache
COPY . .
# What debug information would add is stripped in the end; it costs a third of the build.
RUN cmake --preset release -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O2 -DNDEBUG" \
 && cmake --build build/release \
 && cpack -B /out --config build/release/CPackConfig.cmake \
 && dpkg-deb --fsys-tarfile /out/sluice_*.deb | tar -xC /out ./usr/bin/sluice \
 && packaging/sbom.sh --packages 'libboost1.*-dev' libtomlplusplus-dev >/out/headers \
 && rm -rf build /out/_CPack_Packages

# ---- the package ----
FROM scratch AS package
COPY --from=builder /out/*.deb /

# ---- the libraries of what runs ----
FROM ${BASE} AS libraries
# Shared libraries only. The authorities' certificates come from the builder, because the package
# ca-certificates brings the openssl program along.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      libpq5 libprometheus-cpp-core1.0 libprotobuf32t64 librdkafka1 libsimdjson25 \
      libspdlog1.15 libtcmalloc-minimal4t64 libyaml-cpp0.8 tzdata zlib1g \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/log/apt \
      /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache \
 && groupadd --gid 65532 sluice \
 && useradd --uid 65532 --gid 65532 --no-create-home --home-dir / --shell /usr/sbin/nologin sluice

# ---- its description ----
FROM libraries AS described
COPY --from=builder /out/usr/bin/sluice /out/headers /src/packaging/sbom.sh /described/
RUN /described/sbom.sh /described/sluice /described/headers >/described/sluice.cdx.json
FROM scratch AS sbom
COPY --from=described /described/sluice.cdx.json /

# ---- what runs ----
FROM libraries
COPY --from=builder /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=builder /out/usr/bin/sluice /usr/local/bin/sluice
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Sluice" \
      org.opencontainers.image.description="Moves data between Apache Kafka and Apache Cloudberry, exactly once" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/debian:trixie-slim" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# By number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 9187
STOPSIGNAL SIGTERM
ENTRYPOINT ["sluice"]
CMD ["run", "--config", "/etc/sluice/sluice.toml"]
