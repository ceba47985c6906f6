# shellcheck shell=bash
# Sourced: where the tools are that only these tests need, kept for all checkouts of this user, and
# how they get there. Nothing here needs root or touches the rest of the machine.
# shellcheck source=../python.sh
source "$(dirname "${BASH_SOURCE[0]}")/../python.sh"
tools=${XDG_CACHE_HOME:-$HOME/.cache}/sluice
helm_version=3.11.3  # the newest that Debian 12's Go 1.19 builds
kubernetes_version=30
validate_version=1.37.0
helm_home=$tools/helm-$helm_version
prometheus_home=$tools/prometheus
python_home=$tools/kubernetes-validate-$validate_version

# in_one_step TEMPORARY HOME: another ./dev may be at it too, and the second one is dropped.
in_one_step() { mv -T "$1" "$2" 2>/dev/null || rm -rf "$1"; }

# From the Go module proxy, built here: three minutes of CPU, 1.5 GB while it lasts, 46 MB in the
# end. Its idea of Kubernetes' version comes from the linker, as in helm's own Makefile.
install_helm() {
    [[ -x $helm_home/helm ]] && return 0
    echo "building helm $helm_version" >&2
    mkdir -p "$tools"
    local temporary package=helm.sh/helm/v3
    temporary=$(mktemp -d "$tools/helm.XXXXXX")
    GOPATH=$temporary/go GOCACHE=$temporary/cache GOFLAGS=-modcacherw GOBIN=$temporary/bin \
        CGO_ENABLED=0 go install -trimpath -ldflags "-s -w \
            -X $package/internal/version.version=v$helm_version \
            -X $package/pkg/chartutil.k8sVersionMajor=1 \
            -X $package/pkg/chartutil.k8sVersionMinor=$kubernetes_version \
            -X $package/pkg/lint/rules.k8sVersionMajor=1 \
            -X $package/pkg/lint/rules.k8sVersionMinor=$kubernetes_version" \
        "$package/cmd/helm@v$helm_version" 2>"$temporary/log" || {
        tail -n 20 "$temporary/log" >&2
        return 1
    }
    in_one_step "$temporary/bin" "$helm_home"
    rm -rf "$temporary"
}

# Prometheus and promtool out of Debian's package, which, installed, would start a service.
install_prometheus() {
    [[ -x $prometheus_home/promtool ]] && return 0
    mkdir -p "$tools"
    local temporary
    temporary=$(mktemp -d "$tools/prometheus.XXXXXX")
    (cd "$temporary" && apt-get download -q prometheus >/dev/null 2>&1 &&
        dpkg-deb -x prometheus_*.deb unpacked) || {
        rm -rf "$temporary"
        echo "Debian's package prometheus could not be fetched; apt-get update may help" >&2
        return 1
    }
    in_one_step "$temporary/unpacked/usr/bin" "$prometheus_home"
    rm -rf "$temporary"
}

# Kubernetes' schemas, and what reads them.
install_kubernetes_validate() {
    install_python "$python_home" "kubernetes-validate==$validate_version"
}
