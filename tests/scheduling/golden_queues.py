"""Mean response times known to the digits printed, worked out independently of the code, and checked by simulation."""

from dataclasses import dataclass

from beforehand.scheduling import (
    LAS,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    DelayPredict,
    ExactError,
    Exponential,
    ExponentialError,
    JobDistribution,
    LogNormalError,
    OneBit,
    Policy,
    SkipPredict,
    UniformError,
    Weibull,
    expect,
)

EXPONENTIAL = JobDistribution(Exponential(), ExponentialError(), ExponentialError())
EXACT = JobDistribution(Exponential(), ExactError(), ExactError())
WEIBULL = JobDistribution(Weibull(0.5), ExponentialError(), ExponentialError())
WEIBULL_EXACT = JobDistribution(Weibull(0.5), ExactError())


def mean(policy: Policy, distribution: JobDistribution, load: float) -> float:
    return expect(policy, distribution, load=load).response_time


def uniform(alpha: float) -> JobDistribution:
    return JobDistribution(Exponential(), UniformError(alpha))


def lognormal(expensive: float, cheap: float = 1.0) -> JobDistribution:
    return JobDistribution(Exponential(), LogNormalError(expensive), LogNormalError(cheap))


@dataclass(frozen=True)
class Golden:
    policy: Policy
    distribution: JobDistribution
    loads: str
    digits: str

    def __str__(self) -> str:
        return f"{self.policy} {self.distribution}"

    @property
    def rows(self) -> list[tuple[float, float]]:
        return [(float(a), float(b)) for a, b in zip(self.loads.split(), self.digits.split(), strict=True)]


EIGHT, FIVE, THREE, HIGH, EVEN = ".5 .6 .7 .8 .9 .95 .98 .99", ".5 .7 .8 .9 .95", ".5 .7 .9", ".7 .8 .9", ".5 .8 .9"
WORKS = {"cheap_work": 0.01, "expensive_work": 0.05}
LATE = {"expensive_work": 0.05}
BY_SIZE = {"long_order": "size"}
GENTLE = {"preemptive": False}

# fmt: off
GOLDEN = [
    Golden(SPJF(), EXACT, EIGHT, """
           1.712686331939 1.962456506436 2.312196682720 2.882218616240 4.196912589664
           6.263960470097 11.284851557655 18.450660750176"""),
    Golden(SPJF(), EXPONENTIAL, EIGHT, """
           1.794814491691 2.108630693929 2.572583350355 3.375786372484
           5.361017623650 8.653694917366 16.950174422395 29.053596162263"""),
    Golden(PSPJF(), EXACT, EIGHT, """
           1.531383283296 1.752608225826 2.083869530353 2.658896822008 4.051773203339
           6.264757140096 11.551265856453 18.955588017218"""),
    Golden(PSPJF(), EXPONENTIAL, EIGHT, """
           1.663662248988 1.952821537461 2.397067059254 3.194475074373
           5.223784257499 8.618500409355 17.118850775819 29.415441772802"""),
    Golden(SPRPT(), EXACT, EIGHT, """
           1.425372663878 1.604094177393 1.874566689601 2.352773270300 3.552125099627
           5.541011021155 10.494746487403 17.626930050682"""),
    Golden(SPRPT(), EXPONENTIAL, EIGHT, """
           1.658283164214 1.939359654450 2.368830113700 3.137523989138
           5.098534102635 8.404625231603 16.764208171354 28.941372559714"""),
    Golden(OneBit(1.0), EXPONENTIAL, FIVE, "1.7053866171 2.5344233277 3.5115912591 6.3363640400 11.8873408657"),
    Golden(SkipPredict(1.0), EXPONENTIAL, FIVE, "1.6779800479 2.4078646959 3.1906310970 5.1698646196 8.4870364270"),
    Golden(SkipPredict(1.0, **BY_SIZE), EXPONENTIAL, FIVE,
           "1.6975976160 2.4546312927 3.2676252790 5.3160380078 8.7219647475"),
    Golden(DelayPredict(1.0), EXPONENTIAL, FIVE, "1.9111629347 3.0142643844 4.2629031509 7.4852047085 12.7698456332"),
    Golden(OneBit(1.0, **GENTLE), EXPONENTIAL, FIVE,
           "1.8488989734 2.7655415536 3.7971913977 6.6860843249 12.2735717977"),
    Golden(SkipPredict(1.0, **GENTLE), EXPONENTIAL, FIVE,
           "1.8247646112 2.6427253599 3.4768830108 5.5032997769 8.8214195179"),
    Golden(OneBit(1.0, cheap_work=0.01), EXPONENTIAL, FIVE,
           "1.7343836331 2.6062745102 3.6662022801 6.9558944446 14.6250900258"),
    Golden(SkipPredict(1.0, **WORKS), EXPONENTIAL, FIVE,
           "1.7473554465 2.5699154716 3.5162224625 6.3371618758 13.8077498762"),
    Golden(DelayPredict(1.0, **LATE), EXPONENTIAL, FIVE,
           "1.9851878484 3.2092192858 4.6713280347 8.9131259741 18.2999782592"),
    Golden(SPRPT(work=0.05), EXPONENTIAL, FIVE, "1.8162694868 2.7357979187 3.8892627912 8.3248220730 96.3947578906"),
    Golden(DelayPredict(1.0, **BY_SIZE), EXPONENTIAL, THREE, "1.9107964300 3.0145526070 7.4985230455"),
    Golden(SkipPredict(1.0, **BY_SIZE, **WORKS), EXPONENTIAL, THREE, "1.7677300382 2.6202067891 6.5135388742"),
    Golden(TRAIL(0.2), EXPONENTIAL, THREE, "1.702852410921 2.425906191926 5.138326772139"),
    Golden(TRAIL(0.5), EXPONENTIAL, THREE, "1.672617690706 2.388631587503 5.122271357527"),
    Golden(TRAIL(0.8), EXPONENTIAL, THREE, "1.661573226350 2.373532953768 5.104712213958"),
    Golden(TRAIL(0.2), EXACT, THREE, "1.585058262716 2.113592175739 3.891762463342"),
    Golden(TRAIL(0.5), EXACT, THREE, "1.470172885414 1.939688159510 3.639962047230"),
    Golden(TRAIL(0.8), EXACT, THREE, "1.428778953463 1.879380980757 3.558377834082"),
    Golden(TRAIL(0.5), lognormal(0.5), THREE, "1.54997070 2.12652367 4.33918961"),
    Golden(SkipPredict(1.0), EXACT, HIGH, "1.915799412082 2.401895255235 3.609805656249"),
    Golden(DelayPredict(1.0), EXACT, HIGH, "2.584468895410 3.415091140592 5.322449808550"),
    Golden(SkipPredict(1.0, **WORKS), EXACT, HIGH, "2.071064848305 2.687204800043 4.546568543736"),
    Golden(SPRPT(work=0.05), EXACT, HIGH, "2.143454260210 2.862079505562 5.555157191156"),
    Golden(DelayPredict(1.0, **LATE), EXACT, HIGH, "2.734458046825 3.696332906529 6.156046181721"),
    Golden(SPRPT(), WEIBULL_EXACT, THREE, "1.41021209 1.81419733 3.14978981"),
    Golden(SPRPT(), WEIBULL, THREE, "1.94201675 2.75255867 5.23419377"),
    Golden(PSPJF(), WEIBULL, THREE, "1.64455544 2.31889641 4.67177193"),
    Golden(SPJF(), WEIBULL, THREE, "2.92178365 4.24243438 7.41144658"),
    Golden(LAS(quantum=0.0), WEIBULL, THREE, "1.82156113 2.81168629 7.03846385"),
    Golden(OneBit(1.0), WEIBULL, THREE, "2.03200030 3.28914136 9.28179808"),
    Golden(SkipPredict(1.0), WEIBULL, THREE, "1.78442618 2.53422089 4.95800014"),
    Golden(SkipPredict(1.0, **BY_SIZE), WEIBULL, THREE, "1.76544464 2.50378930 4.93362620"),
    Golden(DelayPredict(1.0), WEIBULL, THREE, "1.81730697 2.67064389 5.50694828"),
    Golden(DelayPredict(1.0, **BY_SIZE), WEIBULL, THREE, "1.76947970 2.57835610 5.33837876"),
    Golden(SkipPredict(1.0, **GENTLE), WEIBULL, THREE, "3.04925263 4.51831076 7.91941640"),
    Golden(OneBit(1.0, cheap_work=0.01), WEIBULL, THREE, "2.06390172 3.37901710 10.20115965"),
    Golden(SkipPredict(1.0, **WORKS), WEIBULL, THREE, "1.83966459 2.65593763 5.67130998"),
    Golden(DelayPredict(1.0, **LATE), WEIBULL, THREE, "1.85920069 2.76588705 6.01537232"),
    Golden(SPRPT(work=0.05), WEIBULL, THREE, "2.09805314 3.09849779 7.65550092"),
    Golden(SPRPT(), uniform(0.5), EVEN, "1.4755224175 2.5087906494 3.8495392443"),
    Golden(SPRPT(), uniform(1.0), EVEN, "1.5812498196 2.8097158331 4.3534707053"),
    Golden(SPRPT(), lognormal(0.3), EVEN, "1.4731232082 2.5144756635 3.8842084659"),
    Golden(SPRPT(), lognormal(0.5), EVEN, "1.5269648150 2.7117677782 4.3012081684"),
    Golden(SPRPT(), lognormal(1.0), EVEN, "1.6426118552 3.1648597856 5.2908868723"),
    Golden(PSPJF(), uniform(0.5), EVEN, "1.5508613865 2.7471168024 4.2562980265"),
    Golden(SkipPredict(1.0), lognormal(0.3), THREE, "1.55590883 2.11608947 4.11886404"),
]
# fmt: on

# Load .9: means of the shorts and of the longs.
CLASSES = [
    (OneBit(1.0), 1.2537381209, 19.4233798272),
    (SkipPredict(1.0), 1.2537381209, 15.2533156012),
    (SkipPredict(1.0, **WORKS), 1.2812770455, 19.3553232840),
    (DelayPredict(1.0), 0.9696857767, 18.6807024922),
    (DelayPredict(1.0, **LATE), 0.9696857767, 22.5621949208),
    (OneBit(1.0, cheap_work=0.01), 1.2812770455, 21.5672014087),
]

# Policy, load, memory, interruptions.
INSIDE = [
    (TRAIL(0.2), 0.7, 0.7894956007, 0.1136743101),
    (TRAIL(0.5), 0.7, 0.9784358692, 0.2332499935),
    (TRAIL(0.8), 0.7, 1.0421661390, 0.2846301520),
    (TRAIL(1.0), 0.7, 1.0497871412, 0.2949895941),
    (TRAIL(0.2), 0.9, 1.2342090006, 0.1461526844),
    (TRAIL(0.5), 0.9, 1.8116056452, 0.2998928488),
    (TRAIL(0.8), 0.9, 1.9521100659, 0.3659530525),
    (TRAIL(1.0), 0.9, 1.9657824297, 0.3792723353),
    (TRAIL(0.0), 0.7, 0.7, 0.0),
    (TRAIL(0.0), 0.9, 0.9, 0.0),
    (SkipPredict(1.0), 0.7, None, 0.2922546582),
    (SkipPredict(1.0), 0.9, None, 0.3757559892),
]

# Best 1-bit thresholds by sizes and load: value and threshold without preemption, with shorts newest first, with shorts
# in order; all with an exact bit, then with an exponential one.
BEST_BITS = {
    (
        Exponential(),
        0.5,
    ): "1.782188 1.2785 1.564377 1.2785 1.539993 1.4630 1.848581 .9048 1.697162 .9048 1.705223 .9466",
    (
        Exponential(),
        0.9,
    ): "5.283668 2.1010 4.759631 2.1010 4.590100 2.2449 6.368132 2.0827 5.964591 2.0827 5.953045 2.1722",
    (Exponential(), 0.98): "16.635575 3.1339 15.954669 3.1339 15.481306 3.2141 22.587367 4.1308 22.027926 4.1308 "
    "21.906142 4.2026",
    (
        Weibull(0.5),
        0.5,
    ): "3.019022 1.4859 1.608900 3.7293 1.668929 2.7539 3.156971 .8887 1.737500 3.8056 2.007275 1.4846",
    (
        Weibull(0.5),
        0.9,
    ): "8.950809 3.3959 4.665318 6.4304 5.233915 4.6807 10.666699 2.7186 5.820843 7.1500 7.482376 3.4702",
    (Weibull(0.5), 0.98): "22.691057 6.7770 13.805121 10.8655 16.554665 7.8769 30.098230 6.9292 19.044408 13.8705 "
    "25.008344 7.6951",
}
NEWEST_FIRST = {0.5: 1.6977979467, 0.7: 2.5222022194, 0.8: 3.4964892471, 0.9: 6.3178714722, 0.95: 11.8669176818}
