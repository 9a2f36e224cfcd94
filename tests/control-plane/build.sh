#!/usr/bin/env bash
# Prints a directory that holds etcd, kube-apiserver, kube-controller-manager and kubectl, building them first when
# they are not there. KUBEBUILDER_ASSETS is honoured; otherwise the pinned Go modules of this folder are built
# once into a cache (about nine minutes on two cores, then nothing).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=v1.37.2

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  for tool in etcd kube-apiserver kube-controller-manager kubectl; do
    [ -x "$KUBEBUILDER_ASSETS/$tool" ] || { echo "KUBEBUILDER_ASSETS has no $tool" >&2; exit 1; }
  done
  echo "$KUBEBUILDER_ASSETS"
  exit 0
fi

key=$(cat "$here/go.mod" "$here/go.sum" "$here/build.sh" | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/desktop-operator/control-plane/$key
if [ -x "$cache/etcd" ] && [ -x "$cache/kube-apiserver" ] && [ -x "$cache/kube-controller-manager" ] && [ -x "$cache/kubectl" ]; then
  echo "$cache"
  exit 0
fi

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
echo "building the control plane $version from Go modules (once, about nine minutes on two cores)" >&2
cd "$here"
export GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=0
base=k8s.io/component-base/version
minor=${version#v1.}
stamp="-s -w -X $base.gitVersion=$version -X $base.gitMajor=1 -X $base.gitMinor=${minor%%.*}"
build() {
  [ -x "$cache/$1" ] && return
  echo "  $1" >&2
  go build -buildvcs=false -trimpath -ldflags "$stamp" -o "$cache/$1.part" "$2" >&2
  mv "$cache/$1.part" "$cache/$1"
}
build etcd go.etcd.io/etcd/server/v3
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
build kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager
build kubectl k8s.io/kubernetes/cmd/kubectl
echo "$cache"
