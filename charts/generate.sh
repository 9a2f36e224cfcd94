#!/usr/bin/env bash
# Writes the parts of the chart that are made elsewhere: the CRDs from the code, the alerts and the dashboard from
# config/. A chart cannot refer to files outside of its folder, hence the copies.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
chart=charts/desktop-operator
"${CARGO:-cargo}" run --locked --quiet --bin crdgen -- "$chart/templates/crds" --chart
cp config/prometheus/rules.yaml "$chart/files/rules.yaml"
cp config/grafana/desktop-operator.json "$chart/files/dashboard.json"
