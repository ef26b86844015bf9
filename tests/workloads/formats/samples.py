"""Small files in the layouts of public logs, made by ourselves: each holds the same jobs, and rows that are none."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand.workloads.formats import (
    apache,
    azure_llm,
    burst_gpt,
    caddy,
    mooncake,
    nginx,
    qwen_bailian,
    sacct,
    swf,
    traefik,
    vllm_bench,
)

Floats = NDArray[np.float64]
RANDOM = np.random.default_rng(0)
COUNT = 60
BEGIN = datetime(2026, 11, 29, 23, 59, 30, tzinfo=UTC)
WHOLE = np.cumsum(RANDOM.integers(1, 30, COUNT)).astype(float)  # seconds, whole
WHOLE -= WHOLE[0]
ARRIVAL = WHOLE + RANDOM.integers(0, 4, COUNT) / 4  # and in quarters
ARRIVAL -= ARRIVAL[0]
SIZE = np.ceil(RANDOM.lognormal(4, 1.3, COUNT))
LIMIT = 60 * np.ceil(SIZE * RANDOM.lognormal(0.5, 0.5, COUNT) / 60)
NAN = float("nan")


@dataclass(frozen=True)
class Sample:
    """A file, and what is to be read from it once rows that are no jobs are left out."""

    name: str
    log: ModuleType
    text: str
    size: Floats
    arrival: Floats | None = None
    cheap: Floats | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def clock(seconds: float, form: str = "%Y-%m-%dT%H:%M:%S") -> str:
    return (BEGIN + timedelta(seconds=float(seconds))).strftime(form)


def lasted(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86400)
    return f"{f'{days}-' if days else ''}{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"


def lines(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


def azure_2023() -> Sample:
    rows = [f"{clock(at, '%Y-%m-%d %H:%M:%S.%f')}0,480,{size:.0f}" for at, size in zip(ARRIVAL, SIZE, strict=True)]
    return Sample("code.csv", azure_llm, lines("TIMESTAMP,ContextTokens,GeneratedTokens", *rows), SIZE, ARRIVAL)


def azure_2024() -> Sample:
    forms = ["%Y-%m-%d %H:%M:%S.%f+00:00" if at % 1 else "%Y-%m-%d %H:%M:%S+00:00" for at in ARRIVAL]
    rows = [f"{clock(at, form)},480,{size:.0f}" for at, form, size in zip(ARRIVAL, forms, SIZE, strict=True)]
    return Sample("week.csv", azure_llm, lines("TIMESTAMP,ContextTokens,GeneratedTokens", *rows), SIZE, ARRIVAL)


def azure_2025() -> Sample:
    rows = [
        f"{clock(at, '%Y-%m-%dT%H:%M:%S.%f')[:-3]}Z,1,770,{size:.0f}" for at, size in zip(ARRIVAL, SIZE, strict=True)
    ]
    header = "TIMESTAMP,NumImages,ContextTokens,GeneratedTokens"
    return Sample("multimodal.csv", azure_llm, lines(header, *rows), SIZE, ARRIVAL)


def burst_gpt_1() -> Sample:
    rows = [
        f"{5 + at:.0f},ChatGPT,472,{size:.0f},{472 + size:.0f},API log" for at, size in zip(WHOLE, SIZE, strict=True)
    ]
    rows.insert(9, "61,GPT-4,300,0,300,API log")
    header = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type"
    return Sample("BurstGPT_1.csv", burst_gpt, lines(header, *rows), SIZE, WHOLE, left_out={"failed": 1})


def burst_gpt_3() -> Sample:
    rows = [
        f"{19440110 + at},{'' if job % 2 else f'1722ac82-{job}'},43,GPT-4,906,{size:.0f},{906 + size:.0f},API log"
        for job, (at, size) in enumerate(zip(ARRIVAL, SIZE, strict=True))
    ]
    header = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type"
    return Sample("BurstGPT_3.csv", burst_gpt, lines(header, *rows), SIZE, ARRIVAL)


def mooncake_trace() -> Sample:
    rows = [
        json.dumps(
            {"timestamp": int(1000 * at), "input_length": 6758, "output_length": int(size), "hash_ids": [0, job]}
        )
        for job, (at, size) in enumerate(zip(ARRIVAL, SIZE, strict=True))
    ]
    return Sample("conversation_trace.jsonl", mooncake, lines(*rows), SIZE, ARRIVAL)


def qwen() -> Sample:
    rows = []
    for job, (at, size) in enumerate(zip(ARRIVAL, SIZE, strict=True)):
        record: dict[str, Any] = {"chat_id": job, "parent_chat_id": -1, "timestamp": 61.125 + at, "input_length": 521}
        record |= {"output_length": int(size), "type": "text", "turn": 1, "hash_ids": [1089, job]}
        rows.append(json.dumps(record))
    return Sample("qwen_traceA_blksz_16.jsonl", qwen_bailian, lines(*rows), SIZE, ARRIVAL)


def sacct_long() -> Sample:
    rows, cheap = [], np.where(np.arange(COUNT) % 20 == 7, NAN, LIMIT * 100)
    states = ("COMPLETED", "COMPLETED", "FAILED", "TIMEOUT", "CANCELLED by 1001", "OUT_OF_MEMORY")
    for job, (at, size, limit) in enumerate(zip(WHOLE, SIZE * 100, cheap, strict=True)):
        submitted, started, ended = clock(at), clock(at + 5), clock(at + 5 + size)
        asked = lasted(limit) if limit > 0 else ("UNLIMITED", "Partition_Limit")[job // 20 % 2]
        rows.append(f"{job}|sim {job}|{submitted}|{started}|{ended}|{lasted(size)}|{asked}|{states[job % 6]}|0:0")
        rows.append(f"{job}.batch|batch|{started}|{started}|{ended}|{lasted(size)}||COMPLETED|0:0")
    later = clock(WHOLE[-1] + 9)
    rows += [
        f"90_[4-9]|array|{later}|Unknown|Unknown|00:00:00|01:00:00|PENDING|0:0",
        f"91|waits|{later}|Unknown|Unknown|00:00:00|01:00:00|PENDING|0:0",
        f"92|runs|{later}|{later}|Unknown|03:25:10|1-00:00:00|RUNNING|0:0",
        f"93|gone|{later}|None|{later}|00:00:00|01:00:00|CANCELLED by 1001|0:0",
    ]
    header = "JobID|JobName|Submit|Start|End|Elapsed|Timelimit|State|ExitCode"
    left_out = {"step of a job": COUNT, "pending": 2, "running": 1, "cancelled before it ran": 1}
    return Sample("jobs.txt", sacct, lines(header, *rows), SIZE * 100, WHOLE, cheap, left_out)


def sacct_raw() -> Sample:
    rows = [f"{clock(at)}|{size:.0f}|{limit / 60:.0f}|" for at, size, limit in zip(WHOLE, SIZE, LIMIT, strict=True)]
    return Sample("raw.txt", sacct, lines("Submit|ElapsedRaw|TimelimitRaw|", *rows), SIZE, WHOLE, LIMIT)


def standard_workload() -> Sample:
    cheap = np.where(np.arange(COUNT) % 20 == 7, NAN, LIMIT)
    rows = ["; Version: 2.2", "; Computer: made by ourselves", ";", "; UnixStartTime: 1796000000", ";"]
    for job, (at, size, limit) in enumerate(zip(WHOLE, SIZE, np.nan_to_num(cheap, nan=-1), strict=True)):
        rows.append(
            f"{job + 1:5d} {at:6.0f} 12 {size:6.0f} 4 -1 -1 4 {limit:6.0f} -1 {(1, 0, 5)[job % 3]} 3 1 -1 1 -1 -1 -1"
        )
    rows.insert(20, "")
    rows.insert(30, "; the tape was changed")
    rows += [
        "   61     3     -1    100    4  -1 -1  4   3600 -1 2  3 1 -1 1 -1 -1 -1",
        "   61     3     -1    100    4  -1 -1  4   3600 -1 3  3 1 -1 1 -1 -1 -1",
        "   62     4     -1     -1   -1  -1 -1  4   3600 -1 5  3 1 -1 1 -1 -1 -1",
    ]
    left_out = {"part of a job": 2, "cancelled before it ran": 1}
    return Sample("cluster.swf", swf, lines(*rows), SIZE, WHOLE, cheap, left_out)


def vllm_result(**changes: Any) -> str:
    record: dict[str, Any] = {
        "date": "20261129-161902", "endpoint_type": "openai", "backend": "openai", "label": "openai", "model_id": "m",
        "tokenizer_id": "m", "num_prompts": COUNT, "request_rate": 2.0, "burstiness": 1.0, "max_concurrency": None,
        "duration": 99.5, "completed": COUNT, "failed": 0, "total_input_tokens": 1, "total_output_tokens": 1,
        "request_throughput": 2.0, "request_goodput": None, "output_throughput": 1.0, "total_token_throughput": 1.0,
        "input_lens": [1024] * COUNT, "output_lens": SIZE.astype(int).tolist(), "ttfts": [0.25] * COUNT,
        "itls": [[0.01, 0.02]] * COUNT, "start_times": (81234.5 + ARRIVAL).tolist(),
        "generated_texts": ["a, \"b\"\n"] * COUNT, "errors": [""] * COUNT, "max_concurrent_requests": 9,
    }  # fmt: skip
    return json.dumps({name: value for name, value in {**record, **changes}.items() if value != "absent"})


def vllm_detailed() -> Sample:
    errors, lengths, starts = [""] * COUNT, SIZE.astype(int).tolist(), (81234.5 + ARRIVAL).tolist()
    text = vllm_result(
        errors=[*errors, "Internal Server Error"], output_lens=[*lengths, 0], start_times=[*starts, starts[-1]],
        input_lens=[1024] * (COUNT + 1), ttfts=[0.25] * (COUNT + 1), itls=[[]] * (COUNT + 1),
        generated_texts=[""] * (COUNT + 1),
    )  # fmt: skip
    return Sample("openai-2.0qps-m.json", vllm_bench, text, SIZE, ARRIVAL, left_out={"failed": 1})


COMBINED = '10.0.0.{host} - {user} [{time}] "GET /a?q=\\x22 HTTP/1.1" {status} 612 "https://e.org/" "Mozilla/5.0 (X11)"'
TOOK = SIZE / 1000  # seconds
ENDS = np.ceil(ARRIVAL + TOOK)  # nginx logs whole seconds, of the end


def combined(at: float, job: int = 0) -> str:
    return COMBINED.format(
        host=job,
        user="-" if job % 5 else "a b",
        time=clock(at, "%d/%b/%Y:%H:%M:%S +0000"),
        status=(200, 404, 502)[job % 3],
    )


def web(name: str, log: ModuleType, rows: list[str], begins: Floats, size: Floats, **left_out: int) -> Sample:
    order = np.argsort(begins, kind="stable")
    reasons = {reason.replace("_", " "): count for reason, count in left_out.items()}
    return Sample(name, log, lines(*rows), size[order], begins[order] - begins.min(), left_out=reasons)


def nginx_named() -> Sample:
    total = np.round(TOOK + 0.002, 3)
    rows = [
        f'{combined(end, job)} rt={whole:.3f} uct="0.000" uht="0.001" urt="{took:.3f}"'
        for job, (end, whole, took) in enumerate(zip(ENDS, total, TOOK, strict=True))
    ]
    rows.insert(5, f'{combined(ENDS[5])} rt=0.000 uct="-" uht="-" urt="-"')
    rows.insert(9, "\\x16\\x03\\x01 a scanner was here")
    return web("named.log", nginx, rows, ENDS - total, TOOK, answered_without_an_upstream_server=1)


def nginx_last() -> Sample:
    rows = [f"{combined(end, job)} {took:.3f}" for job, (end, took) in enumerate(zip(ENDS, TOOK, strict=True))]
    return web("last.log", nginx, rows, ENDS - TOOK, TOOK)


def nginx_swapped() -> Sample:
    total = np.round(TOOK + 0.002, 3)
    rows = [
        f'{combined(end, job)} "10.0.0.9:80" "{took:.3f}" {whole:.3f}'
        for job, (end, whole, took) in enumerate(zip(ENDS, total, TOOK, strict=True))
    ]
    rows[3] = f'{combined(ENDS[3], 3)} "10.0.0.8:80, 10.0.0.9:80" "0.001, {TOOK[3] - 0.001:.3f}" {total[3]:.3f}'
    return web("swapped.log", nginx, rows, ENDS - total, TOOK)


def nginx_ingress() -> Sample:
    rows = [
        f"{combined(end, job)} 812 {took:.3f} [default-web-80] [] 10.0.0.9:80 612 {took:.3f} 200 4a5b{job:04x}"
        for job, (end, took) in enumerate(zip(ENDS, TOOK, strict=True))
    ]
    rows[3] = (
        f"{combined(ENDS[3], 3)} 812 {TOOK[3]:.3f} [default-web-80] [] 10.0.0.8:80, 10.0.0.9:80 0, 612 "
        f"0.001, {TOOK[3] - 0.001:.3f} 502, 200 4a5b"
    )
    return web("ingress.log", nginx, rows, ENDS - TOOK, TOOK)


def nginx_json() -> Sample:
    ends = ARRIVAL + TOOK
    rows = [
        json.dumps(
            {"msec": f"{BEGIN.timestamp() + end:.3f}", "status": "200", "request_time": f"{took:.3f}", "args": None}
            | {"upstream_response_time": f"{took:.3f}"}
        )
        for end, took in zip(ends, TOOK, strict=True)
    ]
    return web("nginx.json", nginx, rows, np.round(ends, 3) - TOOK, TOOK)


def apache_microseconds() -> Sample:
    rows = [f"{combined(at, job)} {1e6 * took:.0f}" for job, (at, took) in enumerate(zip(WHOLE, TOOK, strict=True))]
    return web("d.log", apache, rows, WHOLE, TOOK)


def apache_both() -> Sample:
    rows = [
        f"www.e.org:443 {combined(at, job)} **{took // 1:.0f}/{1e6 * took:.0f}**"
        for job, (at, took) in enumerate(zip(WHOLE, TOOK, strict=True))
    ]
    return web("td.log", apache, rows, WHOLE, TOOK)


def apache_bytes() -> Sample:
    rows = [
        f"{combined(at, job)} 431 902 {1e6 * took:.0f}" for job, (at, took) in enumerate(zip(WHOLE, TOOK, strict=True))
    ]
    return web("iod.log", apache, rows, WHOLE, TOOK)


def caddy_requests() -> Sample:
    ends = ARRIVAL + TOOK
    request = {"remote_ip": "127.0.0.1", "method": "GET", "uri": "/", "headers": {"Accept": ["*/*"]}}
    rows = []
    for end, took in zip(ends, TOOK, strict=True):
        record = {"level": "info", "ts": BEGIN.timestamp() + end, "logger": "http.log.access", "msg": "handled request"}
        record |= {"request": request, "bytes_read": 0, "user_id": "", "duration": took, "size": 10900, "status": 200}
        rows.append(json.dumps(record | {"resp_headers": {"Server": ["Caddy"]}}))
    rows.append(json.dumps({"level": "error", "ts": BEGIN.timestamp(), "logger": "http.log.error", "msg": "dial tcp"}))
    return web("caddy.log", caddy, rows, ends - TOOK, TOOK, not_a_request=1)


def traefik_json() -> Sample:
    rows = []
    for at, took in zip(ARRIVAL, TOOK, strict=True):
        origin, began = round(1e9 * took), clock(at, "%Y-%m-%dT%H:%M:%S.%fZ")
        record = {"ClientAddr": "10.0.0.1:3", "DownstreamStatus": 200, "Duration": origin + 677542, "GzipRatio": 0}
        record |= {"OriginDuration": origin, "Overhead": 677542, "RequestPath": "/", "RetryAttempts": 0}
        rows.append(
            json.dumps(record | {"StartLocal": began, "StartUTC": began, "level": "info", "msg": "", "time": began})
        )
    missed = json.loads(rows[-1]) | {"OriginDuration": 0, "Duration": 66095, "DownstreamStatus": 404}
    return web("traefik.json", traefik, [*rows, json.dumps(missed)], ARRIVAL, TOOK, not_passed_to_a_service=1)


def traefik_lines() -> Sample:
    rows = [
        f'{combined(at, job)} {job + 1} "web@docker" "http://10.0.0.9:80" {1000 * took:.0f}ms'
        for job, (at, took) in enumerate(zip(WHOLE, TOOK, strict=True))
    ]
    return web("traefik.log", traefik, rows, WHOLE, TOOK)


SAMPLES = [
    azure_2023(), azure_2024(), azure_2025(), burst_gpt_1(), burst_gpt_3(), mooncake_trace(), qwen(), sacct_long(),
    sacct_raw(), standard_workload(), vllm_detailed(), nginx_named(), nginx_last(), nginx_swapped(), nginx_ingress(),
    nginx_json(), apache_microseconds(), apache_both(), apache_bytes(), caddy_requests(), traefik_json(),
    traefik_lines(),
]  # fmt: skip
