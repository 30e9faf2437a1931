# The server with its own Python environment, run by a user who is not root.
#
#   docker build -t fhir-server .
#   docker run -p 127.0.0.1:8000:8000 -v fhir:/var/lib/fhir-server -e FHIR_SERVER_ALLOW_UNAUTHENTICATED=true fhir-server
#
# Without FHIR_SERVER_DATABASE_URL it runs the embedded PostgreSQL in the volume; see compose.yaml for one beside it.

FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY resources resources
COPY terminology terminology
COPY search search
COPY conformance conformance
COPY fhir_server fhir_server
RUN python -m venv /opt/fhir-server && /opt/fhir-server/bin/pip install --no-cache-dir .

FROM python:3.13-slim
RUN useradd --system --home-dir /var/lib/fhir-server --shell /usr/sbin/nologin fhir-server \
    && install -d -m 0700 -o fhir-server -g fhir-server /var/lib/fhir-server
COPY --from=build /opt/fhir-server /opt/fhir-server
ENV PATH=/opt/fhir-server/bin:$PATH \
    FHIR_SERVER_HOST=0.0.0.0 \
    FHIR_SERVER_PORT=8000 \
    FHIR_SERVER_DATA_DIR=/var/lib/fhir-server
USER fhir-server
VOLUME /var/lib/fhir-server
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['FHIR_SERVER_PORT'] + '/readyz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["fhir-server"]
CMD ["serve"]
