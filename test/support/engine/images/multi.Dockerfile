# One index, two platforms that differ in CMD. /bin/echo is of the building machine's platform in both.
FROM scratch AS for-amd64
ENTRYPOINT ["/bin/echo"]
CMD ["amd64"]

FROM scratch AS for-arm64
ENTRYPOINT ["/bin/echo"]
CMD ["arm64"]

FROM for-${TARGETARCH}
COPY busybox /bin/echo
