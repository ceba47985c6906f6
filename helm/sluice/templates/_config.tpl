{{/* sluice.toml: what the user wrote, and the sections that the pod's own shape decides. */}}
{{- define "sluice.toml" -}}
{{- include "sluice.checkConfig" . -}}
{{ .Values.config | trim }}

# Written by the chart.
[admin]
listen = "0.0.0.0:{{ .Values.admin.port }}"
stuck_after = "{{ .Values.admin.stuckAfterSeconds }}s"
{{- if .Values.admin.token.secret }}
token = { file = "/run/sluice/admin-token/token" }
{{- end }}

[daemon]
drain_deadline = "{{ .Values.drainDeadlineSeconds }}s"
log_level = "{{ .Values.log.level }}"
log_format = "{{ .Values.log.format }}"
{{- end -}}

{{/* What the schema can't see, in words. The daemon itself checks everything else. */}}
{{- define "sluice.checkConfig" -}}
{{- $config := .Values.config -}}
{{- if not (trim $config) -}}
{{- fail "config: is empty; write sluice.toml there, or name a ConfigMap in existingConfigMap" -}}
{{- end -}}
{{- range $section, $values := dict "admin" "admin" "daemon" "drainDeadlineSeconds and log" -}}
{{- if regexMatch (printf `(?m)^\s*(\[\s*%s\b|%s\s*[.=])` $section $section) $config -}}
{{- fail (printf "config: [%s] is written by the chart; set %s instead" $section $values) -}}
{{- end -}}
{{- end -}}
{{- range $section := list "kafka" "cloudberry" -}}
{{- if not (regexMatch (printf `(?m)^\s*(\[\s*%s\s*\]|%s\s*[.=])` $section $section) $config) -}}
{{- fail (printf "config: has no [%s]; see docs/configuration.md" $section) -}}
{{- end -}}
{{- end -}}
{{- if regexMatch `(?mi)^[^#\n]*(password|secret)"?\s*=\s*["'][^"'\s]` $config -}}
{{- fail "config: holds a password, which a ConfigMap would show to everybody; put it into a Secret and write { env = \"NAME\" } or { file = \"/run/sluice/secrets/SECRET/KEY\" }, see secrets" -}}
{{- end -}}
{{- if regexMatch `(?mi)^[^#\n]*dsn\s*=\s*["'].*(password\s*=|://[^/@\s"':]+:[^/@\s"']+@)` $config -}}
{{- fail "config: dsn holds a password, which a ConfigMap would show to everybody; leave it out and set the environment variable PGPASSWORD, see secrets.env" -}}
{{- end -}}
{{- end -}}
