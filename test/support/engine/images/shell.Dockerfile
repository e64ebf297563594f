ARG REGISTRY
FROM ${REGISTRY}/busybox:1
RUN mkdir -p /srv && chown 1000:1000 /srv
SHELL ["/bin/ash", "-eu", "-c"]
WORKDIR /srv
USER 1000
