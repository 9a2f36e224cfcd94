#!/usr/bin/env bash
# Builds the image, looks at it, and runs it where there is nothing else: no libc, no shell, no other file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
crane=$(tests/tools/crane/build.sh)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
work=$(mktemp -d)
operator=
server=
trap 'kill $operator $server 2>/dev/null || true; rm -rf "$work"' EXIT
fail() { echo "image: $*" >&2; exit 1; }

digest=$(config/image/build.sh)
image=target/image/desktop-operator.tar
"$crane" validate --tarball "$image" >&2
"$crane" export - "$work/files.tar" <"$image"
mkdir "$work/root"
tar --extract --file "$work/files.tar" --directory "$work/root"
root=$work/root

# Packed again, it is the same image.
again=$(BINARY=$root/usr/local/bin/desktop-operator config/image/build.sh)
[ "$digest" = "$again" ] || fail "packed twice, it is $digest and $again"

python3 - "$image" "$work/files.tar" "$version" <<'PYTHON'
import json, ssl, sys, tarfile

image, files, version = sys.argv[1:]
with tarfile.open(image) as tar:
    manifest = json.load(tar.extractfile("manifest.json"))
    assert len(manifest) == 1 and len(manifest[0]["Layers"]) == 1, manifest
    made = json.load(tar.extractfile(manifest[0]["Config"]))
config = made["config"]
assert config["Entrypoint"] == ["/usr/local/bin/desktop-operator"], config
assert config["User"] == "65532:65532", config
assert list(config["ExposedPorts"]) == ["8080/tcp"], config
assert config["Labels"]["org.opencontainers.image.version"] == version, config
assert made["os"] == "linux" and made["architecture"] in ("amd64", "arm64"), made

with tarfile.open(files) as tar:
    members = {member.name: member for member in tar}
    expected = {
        "etc/ssl/certs/ca-certificates.crt": 0o644,
        "usr/local/bin/desktop-operator": 0o755,
        "usr/share/doc/desktop-operator/LICENSE": 0o644,
    }
    assert {name: m.mode for name, m in members.items() if not m.isdir()} == expected, members
    for name, member in members.items():
        assert (member.uid, member.gid, member.mtime) == (0, 0, 0), name
        assert member.isfile() or (member.isdir() and member.mode == 0o755), name
    roots = tar.extractfile("etc/ssl/certs/ca-certificates.crt").read().decode()
trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
trusted.load_verify_locations(cadata=roots)
assert len(trusted.get_ca_certs()) > 100, len(trusted.get_ca_certs())
PYTHON

for path in "$PWD" "${CARGO_HOME:-$HOME/.cargo}"; do
  ! grep --quiet --text --fixed-strings "$path" "$root/usr/local/bin/desktop-operator" || fail "the binary tells of $path"
done

# Alone in its root, with what every container has besides: devices, and names from the kubelet. Here it is that of an
# API server that takes one connection, and so shows that a static binary finds names.
mkdir "$root/dev"
touch "$root/dev/random" "$root/dev/urandom"
private=(unshare --mount)
[ "$(id -u)" = 0 ] || private+=(--user --map-root-user)
alone() {
  exec "${private[@]}" bash -c 'for device in random urandom; do mount --bind "/dev/$device" "$0/dev/$device"; done
    exec chroot "$0" "$@"' "$root" "$@"
}
said=$(alone /usr/local/bin/desktop-operator --version)
[ "$said" = "desktop-operator $version" ] || fail "it says $said"
echo "127.0.0.1 api.example" >"$root/etc/hosts"
python3 -c '
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
server.accept()
' >"$work/port" &
server=$!
until [ -s "$work/port" ]; do
  kill -0 "$server" 2>/dev/null || fail "there is no port to listen on"
  sleep 0.1
done
cat >"$root/kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://api.example:$(cat "$work/port")"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
YAML
KUBECONFIG=/kubeconfig alone /usr/local/bin/desktop-operator --address=127.0.0.1:0 >"$work/log" 2>&1 &
operator=$!
while kill -0 "$server" 2>/dev/null; do
  kill -0 "$operator" 2>/dev/null || fail "it ended: $(cat "$work/log")"
  [ "$(grep --count 'the Lease cannot be taken' "$work/log")" -lt 5 ] || fail "it finds no server: $(cat "$work/log")"
  sleep 0.1
done
echo "$digest"
