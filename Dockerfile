# docker build -t bn-lint . && docker run --rm -v "$PWD:/code:ro" bn-lint check --no-cache
FROM python:3.13-slim
COPY pyproject.toml README.md LICENSE constraints.txt /src/
COPY bn_lint /src/bn_lint
COPY rules /src/rules
# git lists which files it ignores, in repositories of other users as well.
RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory '*' \
    && pip install --no-cache-dir /src -c /src/constraints.txt && rm -rf /src \
    && useradd --create-home lint
USER lint
WORKDIR /code
ENTRYPOINT ["bn-lint"]
CMD ["check"]
