# The operator alone, on a base without a shell. Build for another architecture with
# `docker buildx build --platform linux/arm64 .`

# The compiler of rust-toolchain.toml, which is not copied: it asks for components that a build does not need.
FROM rust:1.95.0-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
# The cache mounts outlive the layer; the binary must not.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --bin desktop-operator && \
    cp target/release/desktop-operator /desktop-operator

# The same Debian as above: the binary is linked to its libc.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /desktop-operator /usr/local/bin/desktop-operator
# By number, so that runAsNonRoot can be checked.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/desktop-operator"]
