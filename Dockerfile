# The engine as a container: non-root, read-only root file system (see compose.yaml), health check.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements-dev.lock requirements.lock ./
RUN python -m venv /opt/gatepost \
 && /opt/gatepost/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-dev.lock
COPY pyproject.toml README.md LICENSE ./
COPY engine engine
COPY channels channels
COPY routes routes
COPY config config
COPY docs/problems.md docs/problems.md
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel . \
 && /opt/gatepost/bin/pip install --no-cache-dir --no-deps --no-index /wheel/*.whl

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin gatepost \
 && mkdir -p /site /var/lib/gatepost && chown gatepost /var/lib/gatepost
COPY --from=build /opt/gatepost /opt/gatepost
COPY config /site
ENV PATH=/opt/gatepost/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001
VOLUME /var/lib/gatepost
EXPOSE 2575-2580
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["gatepost", "status", "/site", "--data", "/var/lib/gatepost", "--healthy"]
ENTRYPOINT ["gatepost"]
CMD ["run", "/site", "--data", "/var/lib/gatepost"]
