FROM scratch
COPY busybox /bin/busybox
COPY passwd group /etc/
RUN ["/bin/busybox", "sh", "-c", "busybox --install -s /bin && mkdir -p -m 1777 /tmp && mkdir -p /root /home/app && chown 1000:1000 /home/app"]
CMD ["sh"]
