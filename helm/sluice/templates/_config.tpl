{{/* sluice.toml: what the user wrote, and the sections that the pod's own shape decides. */}}
{{- define "sluice.toml" -}}
{{- include "sluice.checkConfig" . -}}
{{- include "sluice.checkMemory" . -}}
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
{{- with .Values.segments }}
{{- if .enabled }}

[segments]
listen = "0.0.0.0:{{ .port }}"
advertise = { env = "POD_IP" }
{{- if .tlsSecret }}
certificate = { file = "/run/sluice/segments-tls/tls.crt" }
key = { file = "/run/sluice/segments-tls/tls.key" }
ca = { file = "/run/sluice/segments-tls/ca.crt" }
{{- end }}
{{- if .sqlSecret }}
sql_secret = { file = "/run/sluice/segments-sql/secret" }
{{- end }}
{{- with .sqlWritable }}
sql_writable = {{ toJson . }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A quantity of Kubernetes, or a size of sluice.toml, in bytes. */}}
{{- define "sluice.bytes" -}}
{{- $factors := dict "" 1 "k" 1000 "K" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000
      "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $unit := regexFind `[A-Za-z]*$` (toString .) | trimSuffix "B" -}}
{{- mulf (regexFind `^[0-9.]+` (toString .) | float64) (get $factors $unit) | int64 -}}
{{- end -}}

{{/* The memory of all ingest pipelines, in bytes, as far as it is written in the usual way: those that
say nothing have the default, 96MiB without more lanes or larger batches. */}}
{{- define "sluice.pipelineMemory" -}}
{{- $all := regexFindAll `(?m)^\s*\[\s*ingest\.[^].]+\]` .Values.config -1 | len -}}
{{- $sum := 0 -}}
{{- range regexFindAll `(?m)^\s*memory\s*=\s*"[0-9]+ *[kKMGT]?i?B"` .Values.config -1 -}}
{{- $sum = add $sum (regexFind `[0-9]+ *[kKMGT]?i?B` . | replace " " "" | include "sluice.bytes") -}}
{{- $all = sub $all 1 -}}
{{- end -}}
{{- add $sum (mul (max $all 0) 100663296) -}}
{{- end -}}

{{- define "sluice.checkMemory" -}}
{{- with (.Values.resources.limits).memory -}}
{{- $pipelines := include "sluice.pipelineMemory" $ | int64 -}}
{{- if lt (include "sluice.bytes" . | int64) (add $pipelines 134217728) -}}
{{- fail (printf "resources: the pipelines' memory is %dMi together, and the process needs 128Mi beside it; the limit %s would kill it, raise it to %dMi or more" (div $pipelines 1048576) (toString .) (add (div (mul 2 $pipelines) 1048576) 128)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What the schema can't see, in words. The daemon itself checks everything else. */}}
{{- define "sluice.checkConfig" -}}
{{- $config := .Values.config -}}
{{- if not (trim $config) -}}
{{- fail "config: is empty; write sluice.toml there, or name a ConfigMap in existingConfigMap" -}}
{{- end -}}
{{- range $section, $values := dict "admin" "admin" "daemon" "drainDeadlineSeconds and log" "segments" "segments" -}}
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
