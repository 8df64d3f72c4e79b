# One static binary and the roots of trust, run by nobody in particular.
#
#   docker build -t stagedoor .
#   docker run -p 3000:3000 -v stagedoor:/data --env-file .env stagedoor

FROM rust:1.95-alpine AS build
RUN apk add --no-cache build-base cmake perl ca-certificates
WORKDIR /src
COPY . .
RUN cargo build --profile dist --locked --bin stagedoor \
 && mkdir -p /data /root-fs/etc/ssl/certs \
 && cp target/dist/stagedoor /root-fs/stagedoor \
 && cp /etc/ssl/certs/ca-certificates.crt /root-fs/etc/ssl/certs/

FROM scratch
COPY --from=build /root-fs /
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
WORKDIR /data
ENV PORT=3000 \
    ADMIN_LISTEN=127.0.0.1:9464 \
    DATABASE_URL=sqlite:/data/stagedoor.db
VOLUME /data
EXPOSE 3000
ENTRYPOINT ["/stagedoor"]
CMD ["serve"]
