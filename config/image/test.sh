#!/usr/bin/env bash
# Builds the image, looks at it, and runs it where there is nothing else: no libc, no shell, no other file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
crane=$(tests/tools/crane/build.sh)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
work=$(mktemp -d)
operator=
trap '[ -z "$operator" ] || kill "$operator" 2>/dev/null || true; rm -rf "$work"' EXIT
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

# Alone in its root. What a kubelet would bring is the name of the API server, here one that nobody serves.
if [ "$(id -u)" = 0 ]; then alone=(chroot); else alone=(unshare --user --map-root-user chroot); fi
said=$("${alone[@]}" "$root" /usr/local/bin/desktop-operator --version)
[ "$said" = "desktop-operator $version" ] || fail "it says $said"
echo "127.0.0.1 api.example" >"$root/etc/hosts"
cat >"$root/kubeconfig" <<'YAML'
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://api.example:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
YAML
KUBECONFIG=/kubeconfig RUST_LOG=info,hyper_util=debug "${alone[@]}" "$root" /usr/local/bin/desktop-operator \
  --address=127.0.0.1:0 >"$work/log" 2>&1 &
operator=$!
until grep --quiet "the Lease cannot be taken" "$work/log"; do
  kill -0 "$operator" 2>/dev/null || fail "it ended: $(cat "$work/log")"
  sleep 0.1
done
cat "$work/log"
echo "$digest"
