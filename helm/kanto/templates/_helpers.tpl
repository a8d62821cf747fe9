{{- define "kanto.name" -}}
{{- if contains "kanto" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-kanto" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "kanto.selector" -}}
app.kubernetes.io/name: kanto
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kanto.labels" -}}
{{ include "kanto.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "kanto.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "kanto.clusterNamespace" -}}
{{ .Values.clusters.namespace | default .Release.Namespace }}
{{- end }}

{{- define "kanto.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "kanto.name" .) }}
{{- end }}

{{- define "kanto.redisSecret" -}}
{{- if .Values.redis.enabled }}{{ include "kanto.name" . }}-redis{{ else }}{{ .Values.externalRedis.existingSecret }}{{ end }}
{{- end }}

{{- define "kanto.podSecurity" -}}
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "kanto.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "kanto.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "kanto.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: {matchLabels: {app.kubernetes.io/instance: {{ .root.Release.Name | quote }}, app.kubernetes.io/component: {{ .component }}}}
{{- end }}

{{- define "kanto.pairs" -}}
{{- $pairs := list }}{{ range $key, $value := . }}{{ $pairs = append $pairs (printf "%s=%s" $key (toString $value)) }}{{ end }}{{ join "," $pairs }}
{{- end }}

{{/* What every process of kanto is told by the values above `settings`. No secret is in it but by reference. */}}
{{- define "kanto.ownEnvironment" -}}
- name: KANTO_REDIS_URL
  valueFrom: {secretKeyRef: {name: {{ include "kanto.redisSecret" . }}, key: {{ ternary "url" .Values.externalRedis.key .Values.redis.enabled }}}}
{{- if and (not .Values.redis.enabled) .Values.externalRedis.caSecret }}
- {name: SSL_CERT_FILE, value: /etc/kanto/redis/ca.crt}
{{- end }}
- {name: KANTO_PLATFORM, value: kubernetes}
- {name: KANTO_NAMESPACE, value: {{ include "kanto.clusterNamespace" . | quote }}}
- {name: KANTO_METRICS_PORT, value: {{ .Values.metrics.port | quote }}}
- {name: SPAWNER_TYPE, value: {{ .Values.clusters.spawner | quote }}}
- {name: KANTO_IMAGE, value: {{ .Values.clusters.image | quote }}}
- {name: KANTO_PULL_POLICY, value: {{ .Values.clusters.pullPolicy | quote }}}
- {name: KANTO_PULL_SECRETS, value: {{ join "," .Values.clusters.pullSecrets | quote }}}
- {name: KANTO_SERVICE_TYPE, value: {{ .Values.clusters.serviceType | quote }}}
{{- if not (kindIs "invalid" .Values.clusters.storageClass) }}
- {name: KANTO_STORAGE_CLASS, value: {{ .Values.clusters.storageClass | quote }}}
{{- end }}
- {name: KANTO_STORAGE_SIZE, value: {{ .Values.clusters.storageSize | quote }}}
- {name: KANTO_REQUESTS, value: {{ include "kanto.pairs" .Values.clusters.requests | quote }}}
- {name: KANTO_LIMITS, value: {{ include "kanto.pairs" .Values.clusters.limits | quote }}}
- {name: KANTO_NODE_SELECTOR, value: {{ include "kanto.pairs" .Values.clusters.nodeSelector | quote }}}
- {name: KANTO_PRIORITY_CLASS, value: {{ .Values.clusters.priorityClass | quote }}}
- {name: KANTO_CLIENTS, value: {{ .Values.clusters.clients | quote }}}
{{- end }}

{{- define "kanto.environment" -}}
{{ include "kanto.ownEnvironment" . }}
{{- range $name, $value := .Values.settings }}
- {name: {{ $name }}, value: {{ toString $value | quote }}}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kanto.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if and (not .Values.redis.enabled) .Values.externalRedis.caSecret }}
- {name: redis-ca, mountPath: /etc/kanto/redis, readOnly: true}
{{- end }}
{{- end }}

{{- define "kanto.volumes" -}}
- {name: tmp, emptyDir: {sizeLimit: 64Mi}}
{{- if and (not .Values.redis.enabled) .Values.externalRedis.caSecret }}
- {name: redis-ca, secret: {secretName: {{ .Values.externalRedis.caSecret }}}}
{{- end }}
{{- end }}

{{/* The Deployment of a component and its PodDisruptionBudget. `root`, `component` (its name in the values too), `scaled`: whether
something else sets the number of pods; `pod` and `container`: what only this one has there, as YAML. */}}
{{- define "kanto.deployment" -}}
{{- $root := .root }}
{{- $own := index $root.Values .component }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "kanto.name" $root }}-{{ .component }}
  labels: {{ include "kanto.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  {{- if not .scaled }}
  replicas: {{ $own.replicas }}
  {{- end }}
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector:
    matchLabels: {{ include "kanto.selector" $root | nindent 6 }}
      app.kubernetes.io/component: {{ .component }}
  template:
    metadata:
      labels: {{ include "kanto.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
      {{- with $own.podAnnotations }}
      annotations: {{ toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- .pod | nindent 6 }}
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ $own.terminationSeconds }}
      securityContext: {{ include "kanto.podSecurity" $root | nindent 8 }}
      {{- include "kanto.placement" $root | nindent 6 }}
      {{- include "kanto.spread" . | nindent 6 }}
      containers:
        - name: {{ .component }}
          image: {{ include "kanto.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [{{ .component }}]
          env: {{ include "kanto.environment" $root | nindent 12 }}
          {{- .container | nindent 10 }}
          resources: {{ toYaml $own.resources | nindent 12 }}
          securityContext: {{ include "kanto.containerSecurity" $root | nindent 12 }}
          volumeMounts: {{ include "kanto.mounts" $root | nindent 12 }}
      volumes: {{ include "kanto.volumes" $root | nindent 8 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "kanto.name" $root }}-{{ .component }}
  labels: {{ include "kanto.labels" $root | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{ include "kanto.selector" $root | nindent 6 }}
      app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* What the schema of the values cannot say. */}}
{{- define "kanto.check" -}}
{{- if and (not .Values.redis.enabled) (not .Values.externalRedis.existingSecret) }}
{{- fail "kanto keeps its jobs in Redis: set redis.enabled, or name the Secret with your Redis's URL in externalRedis.existingSecret" }}
{{- end }}
{{- if and .Values.redis.enabled .Values.externalRedis.existingSecret }}
{{- fail "externalRedis.existingSecret is set and so is redis.enabled: choose one Redis" }}
{{- end }}
{{- if and .Values.worker.autoscaling.enabled .Values.worker.keda.enabled }}
{{- fail "worker.autoscaling and worker.keda would both set the number of workers: enable one" }}
{{- end }}
{{- if and .Values.worker.keda.enabled (not .Values.worker.keda.prometheus) }}
{{- fail "worker.keda scales by a metric: say in worker.keda.prometheus where your Prometheus answers" }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}
{{- fail "ingress.enabled needs ingress.host" }}
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parent.name) }}
{{- fail "httpRoute.enabled needs the name of a gateway in httpRoute.parent" }}
{{- end }}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) }}
{{- fail "workers need a ServiceAccount: set serviceAccount.create, or name yours in serviceAccount.name" }}
{{- end }}
{{- $own := list "KANTO_PORT" "KANTO_BIND" "KANTO_METRICS_BIND" }}
{{- range $line := include "kanto.ownEnvironment" . | fromYamlArray }}
{{- $own = append $own $line.name }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{- if has $name $own }}
{{- fail (printf "settings.%s: the chart sets that one itself, from other values" $name) }}
{{- end }}
{{- end }}
{{- end }}
