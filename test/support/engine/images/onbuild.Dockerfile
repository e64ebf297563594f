ARG REGISTRY
FROM ${REGISTRY}/busybox:1
ONBUILD ENTRYPOINT ["/bin/echo", "onbuild-entry"]
ONBUILD RUN touch /onbuild-ran
