# fastnst serve on a CPU, from the package index:
#   docker build -t fastnst .
#   docker run --rm -p 8000:8000 fastnst
#   docker run --rm -p 8000:8000 -v "$PWD/styles:/styles:ro" fastnst --model /styles/mine.safetensors
#
# TORCH_INDEX names an index of torch built for CPUs, a tenth of the size; without it, torch is what the usual index has.
FROM python:3.11-slim AS build

ARG FASTNST="fastnst[serve,onnx]"
ARG TORCH_INDEX=""
WORKDIR /build
COPY constraints.txt .
RUN python -m venv /opt/fastnst \
    && if [ -n "$TORCH_INDEX" ]; then \
        /opt/fastnst/bin/pip install --no-cache-dir --index-url "$TORCH_INDEX" torch torchvision; \
    fi \
    && /opt/fastnst/bin/pip install --no-cache-dir "$FASTNST" -c constraints.txt

FROM python:3.11-slim

RUN useradd --create-home --uid 10001 fastnst
COPY --from=build /opt/fastnst /opt/fastnst
ENV PATH=/opt/fastnst/bin:$PATH PYTHONUNBUFFERED=1
USER fastnst
WORKDIR /home/fastnst
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["fastnst", "serve", "--host", "0.0.0.0", "--port", "8000"]
CMD ["--model", "starry_night"]
