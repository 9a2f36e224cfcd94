#!/usr/bin/env bash
# Builds the container image without a daemon and without a base image: one layer with a static binary and the root
# certificates. Writes target/image/desktop-operator.tar, which `docker load`, `kind load image-archive` and
# `crane push` take, and prints its digest.
#
# The same sources and the same compiler, Go and libc give the same digest. BINARY names a static binary to pack
# instead of building one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=target/image
mkdir -p "$out"
export LC_ALL=C TZ=UTC

machine=$(uname -m)
case $machine in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) echo "no image is built on $machine" >&2; exit 1 ;;
esac
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)

binary=${BINARY:-}
if [ -z "$binary" ]; then
  # With --target the flags are not those of build scripts. Paths of this machine have no place in an image.
  target=$machine-unknown-linux-gnu
  RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=$PWD=/src --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" \
    "${CARGO:-cargo}" build --locked --release --target "$target" --target-dir "$out/cargo" --bin desktop-operator >&2
  binary=$out/cargo/$target/release/desktop-operator
fi
if readelf --program-headers --wide "$binary" | grep -q ' INTERP '; then
  echo "$binary is not static: it would not start in an image without a libc" >&2
  exit 1
fi

crane=$(tests/tools/crane/build.sh)
work=$(mktemp -d)
registry=
trap '[ -z "$registry" ] || kill "$registry"; rm -rf "$work"' EXIT

root=$work/root
install -D -m 0755 "$binary" "$root/usr/local/bin/desktop-operator"
install -D -m 0644 LICENSE "$root/usr/share/doc/desktop-operator/LICENSE"
mkdir -p "$root/etc/ssl/certs"
(cd config/image/roots && GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0 go run .) \
  >"$root/etc/ssl/certs/ca-certificates.crt"
chmod 0644 "$root/etc/ssl/certs/ca-certificates.crt"
find "$root" -type d -exec chmod 0755 {} +
tar --create --file "$work/layer.tar" --directory "$root" --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 \
  --numeric-owner etc usr

# crane sets entrypoint and user only of an image in a registry: one on the loopback, in memory, for this long.
"$crane" registry serve --address 127.0.0.1:0 >"$work/registry.log" 2>&1 &
registry=$!
port=
until [ -n "$port" ]; do
  kill -0 "$registry" 2>/dev/null || { cat "$work/registry.log" >&2; exit 1; }
  port=$(sed -n 's/.*serving on port \([0-9]\{1,\}\)$/\1/p' "$work/registry.log")
  [ -n "$port" ] || sleep 0.05
done
local=127.0.0.1:$port/desktop-operator
# The tag is what the chart asks for when it is told nothing else.
if ! {
  "$crane" append --oci-empty-base --new_layer "$work/layer.tar" --new_tag "$local" &&
    "$crane" mutate "$local" --output "$work/image.tar" --tag "desktop-operator:$version" \
      --set-platform "linux/$architecture" --entrypoint /usr/local/bin/desktop-operator --user 65532:65532 \
      --exposed-ports 8080/tcp \
      --label org.opencontainers.image.title=desktop-operator \
      --label "org.opencontainers.image.version=$version" \
      --label org.opencontainers.image.licenses=Apache-2.0
} >"$work/crane.log" 2>&1; then
  cat "$work/crane.log" >&2
  exit 1
fi
mv "$work/image.tar" "$out/desktop-operator.tar"
"$crane" digest --tarball "$out/desktop-operator.tar"
