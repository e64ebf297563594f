ARG REGISTRY
FROM ${REGISTRY}/busybox:1
ENTRYPOINT ["/bin/echo", "base-entry"]
CMD ["base-cmd"]
