{{- define "desktop-operator.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Room is left for the longest suffix, so that two cut names cannot meet. */ -}}
{{- define "desktop-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" }}
{{- else if contains (include "desktop-operator.name" .) .Release.Name }}
{{- .Release.Name | trunc 48 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "desktop-operator.name" .) | trunc 48 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "desktop-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "desktop-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "desktop-operator.labels" -}}
{{ include "desktop-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: desktop-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "desktop-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "desktop-operator.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "desktop-operator.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- /* Where Secrets may be read, as a JSON list. */ -}}
{{- define "desktop-operator.secretNamespaces" -}}
{{- $credentials := .Values.credentials.namespaces | default (list .Release.Namespace) }}
{{- concat $credentials .Values.directory.secretNamespaces | uniq | sortAlpha | toJson }}
{{- end }}

{{- /* TCP ports that may be called, as a JSON list: those that are set, and those of allowEndpoints. */ -}}
{{- define "desktop-operator.egressPorts" -}}
{{- $ports := list }}
{{- range .Values.networkPolicy.egressPorts }}
{{- $ports = append $ports (int .) }}
{{- end }}
{{- range .Values.allowEndpoints }}
{{- $url := urlParse . }}
{{- /* The colons of an IPv6 address stand before a bracket. */ -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" }}
{{- $ports = append $ports (int ($port | default (eq $url.scheme "http" | ternary "80" "443"))) }}
{{- end }}
{{- $ports | uniq | toJson }}
{{- end }}

{{- define "desktop-operator.subject" -}}
- kind: ServiceAccount
  name: {{ include "desktop-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
