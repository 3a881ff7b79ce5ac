# The static binary and nothing else. It is not compiled here:
#
#   cargo build --release -p highwater
#   docker build -t highwater:0.1.0 .          (or podman, buildah)
#   docker build -t highwater:0.1.0 --build-arg BINARY=path/below/target .
FROM scratch
ARG BINARY=target/x86_64-unknown-linux-gnu/release/highwater
COPY ${BINARY} /highwater
USER 65532:65532
ENTRYPOINT ["/highwater"]
