{{/* What the daemon's pods, the schema job and the test share. */}}
{{- define "sluice.podCommon" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "sluice.containerCommon" -}}
image: {{ include "sluice.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
{{- end -}}

{{- define "sluice.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- if .Values.segments.enabled }}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{- end }}
{{- range $name, $from := .Values.secrets.env }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $from.secret }}
      key: {{ $from.key }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Called with a list: the chart's context, and the name of one more Secret or "". */}}
{{- define "sluice.envFrom" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.secrets.existingSecret }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- with $root.Values.extraEnvFrom }}
{{ toYaml . }}
{{- end }}
{{- with index . 1 }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- end -}}

{{/* The folder as a whole: a mount of the single file would never see a change of the ConfigMap. */}}
{{- define "sluice.volumeMounts" -}}
- name: config
  mountPath: /etc/sluice
  readOnly: true
{{- if .Values.admin.token.secret }}
- name: admin-token
  mountPath: /run/sluice/admin-token
  readOnly: true
{{- end }}
{{- if and .Values.segments.enabled .Values.segments.tlsSecret }}
- name: segments-tls
  mountPath: /run/sluice/segments-tls
  readOnly: true
{{- end }}
{{- if and .Values.segments.enabled .Values.segments.sqlSecret }}
- name: segments-sql
  mountPath: /run/sluice/segments-sql
  readOnly: true
{{- end }}
{{- range .Values.secrets.files }}
- name: {{ printf "secret-%s" . | trunc 63 | trimSuffix "-" }}
  mountPath: /run/sluice/secrets/{{ . }}
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Called with a list: the chart's context, and the name of the ConfigMap. */}}
{{- define "sluice.volumes" -}}
{{- $root := index . 0 -}}
- name: config
  configMap:
    name: {{ index . 1 }}
{{- with $root.Values.admin.token }}
{{- if .secret }}
- name: admin-token
  secret:
    secretName: {{ .secret }}
    items: [{key: {{ .key }}, path: token}]
    defaultMode: 0440
{{- end }}
{{- end }}
{{- with $root.Values.segments }}
{{- if and .enabled .tlsSecret }}
- name: segments-tls
  secret:
    secretName: {{ .tlsSecret }}
    defaultMode: 0440
{{- end }}
{{- if and .enabled .sqlSecret }}
- name: segments-sql
  secret:
    secretName: {{ .sqlSecret }}
    defaultMode: 0440
{{- end }}
{{- end }}
{{- range $root.Values.secrets.files }}
- name: {{ printf "secret-%s" . | trunc 63 | trimSuffix "-" }}
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- with $root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The default, or the values with our pods where they name none. */}}
{{- define "sluice.topologySpread" -}}
{{- $selector := dict "matchLabels" (include "sluice.podSelector" . | fromYaml) -}}
{{- $spread := .Values.topologySpreadConstraints -}}
{{- if not $spread -}}
{{- $soft := dict "maxSkew" 1 "whenUnsatisfiable" "ScheduleAnyway" -}}
{{- $spread = list (merge (dict "topologyKey" "kubernetes.io/hostname") $soft)
                   (merge (dict "topologyKey" "topology.kubernetes.io/zone") $soft) -}}
{{- end -}}
{{- range $spread }}
- {{ merge (deepCopy .) (dict "labelSelector" $selector) | toYaml | nindent 2 | trim }}
{{- end -}}
{{- end -}}

{{/* What of the daemon's own pods is the same in a Job: all but its probes and its port. Called with a
list: the context, and the arguments of `sluice`. */}}
{{- define "sluice.daemonContainer" -}}
{{- $root := index . 0 -}}
- name: sluice
  {{- include "sluice.containerCommon" $root | nindent 2 }}
  args:
    {{- toYaml (concat (index . 1) $root.Values.extraArgs) | nindent 4 }}
  env:
    {{- include "sluice.env" $root | nindent 4 }}
  {{- with include "sluice.envFrom" (list $root "") | trim }}
  envFrom:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.lifecycle }}
  lifecycle:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  resources:
    {{- toYaml $root.Values.resources | nindent 4 }}
  volumeMounts:
    {{- include "sluice.volumeMounts" $root | nindent 4 }}
{{- end -}}

{{/* And what stands around that container. Called with the context. */}}
{{- define "sluice.daemonPod" -}}
serviceAccountName: {{ include "sluice.serviceAccountName" . }}
{{ include "sluice.podCommon" . }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
# The drain, and time for its last words.
terminationGracePeriodSeconds: {{ add .Values.drainDeadlineSeconds 15 }}
{{- with .Values.initContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Called with a list: the context, the name, the arguments, and one more Secret or "". */}}
{{- define "sluice.jobContainer" -}}
{{- $root := index . 0 -}}
- name: {{ index . 1 }}
  {{- include "sluice.containerCommon" $root | nindent 2 }}
  args:
    {{- toYaml (append (index . 2) "--config=/etc/sluice/sluice.toml") | nindent 4 }}
  env:
    {{- include "sluice.env" $root | nindent 4 }}
  {{- with include "sluice.envFrom" (list $root (index . 3)) | trim }}
  envFrom:
    {{- . | nindent 4 }}
  {{- end }}
  resources:
    {{- toYaml $root.Values.schemaJob.resources | nindent 4 }}
  volumeMounts:
    {{- include "sluice.volumeMounts" $root | nindent 4 }}
{{- end -}}

{{/* Of what runs before install and upgrade. Called with its weight. */}}
{{- define "sluice.hookAnnotations" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
helm.sh/hook-weight: {{ . | quote }}
{{- end -}}

{{/* The release's own ConfigMap does not exist by then, or is still the old one. Called with a list: the
context, and a name. */}}
{{- define "sluice.hookConfigMap" -}}
{{- $root := index . 0 -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ index . 1 }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "sluice.labels" $root | nindent 4 }}
  annotations:
    {{- include "sluice.hookAnnotations" "-10" | nindent 4 }}
data:
  sluice.toml: |
    {{- include "sluice.toml" $root | nindent 4 }}
{{- end -}}
