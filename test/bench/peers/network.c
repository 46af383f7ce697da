// The network in C as one writes it for a chip: sizes known to the compiler, nothing allocated, units side by side so
// that it may use vectors, tiles of sums held in registers. ReLU, sigmoid, cross-entropy from the logit, gradient
// descent; a step that makes a parameter non-finite is undone. No -ffast-math: the engines keep the order of sums too.
//
// Compile with -DUNITS=2,8,1 -DBATCH=32 -DREAL=double. Cases come on standard input, see peer.py.

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef REAL real;
#if defined __AVX512F__
enum { ROWS = 4096, VECTOR = 64 };
#elif defined __AVX__
enum { ROWS = 4096, VECTOR = 32 };
#else
enum { ROWS = 4096, VECTOR = 16 };
#endif
enum { LANES = VECTOR / sizeof(real) };
typedef real vector __attribute__((vector_size(VECTOR), aligned(sizeof(real)), may_alias));
static const int units[] = {UNITS};
enum { LAYERS = sizeof units / sizeof *units - 1 };
enum { WIDEST = 1024, PARAMETERS_MAX = 1 << 18 };
#define INLINE static inline __attribute__((always_inline))

static real theta[PARAMETERS_MAX], before[PARAMETERS_MAX], gradients[PARAMETERS_MAX], transposed[PARAMETERS_MAX];
static real activations[LAYERS + 1][BATCH * WIDEST], deltas[LAYERS][BATCH * WIDEST];
static double xs[ROWS * WIDEST], ys[ROWS], labels[BATCH];
static real rate = 0.01;
static volatile double cost;

// out (m, n) = start (n) + left (m, k) · right (k, n); left is read with the strides given. The largest part goes by tiles
// of 4 rows and 2 vectors, the rest number by number.
INLINE void product(real *restrict out, const real *restrict start, const real *restrict left, int rowStride,
                    int depthStride, const real *restrict right, int m, int k, int n) {
  const int tile = 2 * LANES, columns = n - n % tile, rows = m - m % 4;
  for (int c = 0; c < columns; c += tile)
    for (int r = 0; r < rows; r += 4) {
      vector sums[4][2];
      for (int i = 0; i < 4; i++)
        for (int v = 0; v < 2; v++) sums[i][v] = start ? *(const vector *)(start + c + v * LANES) : (vector){0};
      for (int d = 0; d < k; d++) {
        const vector *row = (const vector *)(right + d * n + c);
        for (int i = 0; i < 4; i++)
          for (int v = 0; v < 2; v++) sums[i][v] += left[(r + i) * rowStride + d * depthStride] * row[v];
      }
      for (int i = 0; i < 4; i++)
        for (int v = 0; v < 2; v++) *(vector *)(out + (r + i) * n + c + v * LANES) = sums[i][v];
    }
  for (int r = 0; r < m; r++)
    for (int c = r < rows ? columns : 0; c < n; c++) {
      real sum = start ? start[c] : 0;
      for (int d = 0; d < k; d++) sum += left[r * rowStride + d * depthStride] * right[d * n + c];
      out[r * n + c] = sum;
    }
}

INLINE int parameters(void) {
  int count = 0;
#pragma GCC unroll 8
  for (int l = 0; l < LAYERS; l++) count += (units[l] + 1) * units[l + 1];
  return count;
}

INLINE void forward(void) {
  int at = 0;
#pragma GCC unroll 8
  for (int l = 0; l < LAYERS; l++) {
    int in = units[l], out = units[l + 1];
    product(activations[l + 1], theta + at + in * out, activations[l], in, 1, theta + at, BATCH, in, out);
    if (l < LAYERS - 1)
      for (int i = 0; i < BATCH * out; i++) activations[l + 1][i] = activations[l + 1][i] > 0 ? activations[l + 1][i] : 0;
    at += (in + 1) * out;
  }
}

static void predict(void) {
  forward();
  for (int r = 0; r < BATCH; r++) {
    double z = activations[LAYERS][r], e = exp(-fabs(z));
    activations[LAYERS][r] = (z < 0 ? e : 1) / (1 + e);
  }
}

INLINE void loss(void) {
  double sum = 0;
  for (int r = 0; r < BATCH; r++) {
    double z = activations[LAYERS][r], y = labels[r], e = exp(-fabs(z));
    deltas[LAYERS - 1][r] = ((z < 0 ? e : 1) / (1 + e) - y) / BATCH;
    sum += (z > 0 ? z : 0) - z * y + log1p(e);
  }
  cost = sum / BATCH;
}

INLINE void backward(void) {
  int at = parameters();
#pragma GCC unroll 8
  for (int l = LAYERS - 1; l >= 0; l--) {
    int in = units[l], out = units[l + 1];
    at -= (in + 1) * out;
    product(gradients + at, 0, activations[l], 1, in, deltas[l], in, BATCH, out);
    for (int j = 0; j < out; j++) {
      real sum = 0;
      for (int r = 0; r < BATCH; r++) sum += deltas[l][r * out + j];
      gradients[at + in * out + j] = sum;
    }
    if (l == 0) break;
    for (int i = 0; i < in; i++)
      for (int j = 0; j < out; j++) transposed[j * in + i] = theta[at + i * out + j];
    product(deltas[l - 1], 0, deltas[l], out, 1, transposed, BATCH, out, in);
    for (int i = 0; i < BATCH * in; i++) deltas[l - 1][i] = activations[l][i] > 0 ? deltas[l - 1][i] : 0;
  }
}

INLINE void update(void) {
  real bad = 0;
  for (int p = 0; p < parameters(); p++) {
    before[p] = theta[p];
    theta[p] -= rate * gradients[p];
  }
  for (int p = 0; p < parameters(); p++) bad += theta[p] - theta[p];
  if (bad != 0) memcpy(theta, before, parameters() * sizeof(real));
}

static void train(void) {
  forward();
  loss();
  backward();
  update();
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

INLINE long run(void (*step)(void), int *at) {
  for (int k = 0; k < 64; k++) {
    for (int i = 0; i < BATCH * units[0]; i++) activations[0][i] = xs[*at * units[0] + i];
    for (int r = 0; r < BATCH; r++) labels[r] = ys[*at + r];
    *at = (*at + BATCH) % ROWS;
    step();
  }
  return 64;
}

int main(void) {
  unsigned seed = 1;
  for (int i = 0; i < ROWS * units[0]; i++) xs[i] = (seed = seed * 1664525u + 1013904223u) / 2147483648.0 - 1;
  for (int r = 0; r < ROWS; r++) ys[r] = (seed = seed * 1664525u + 1013904223u) >> 31;
  for (int p = 0; p < parameters(); p++) theta[p] = ((seed = seed * 1664525u + 1013904223u) / 2147483648.0 - 1) / 2;
  char mode[16], name[64], precision[8];
  int batch, at = 0;
  double seconds;
  printf("C, gcc %s, vectors of %d bytes\n", __VERSION__, VECTOR);
  fflush(stdout);
  while (scanf("%15s %63s %d %7s %lf", mode, name, &batch, precision, &seconds) == 5) {
    long steps = 0;
    double begin = now(), passed;
    do {
      steps += mode[0] == 't' ? run(train, &at) : run(predict, &at);
      passed = now() - begin;
    } while (passed < seconds);
    printf("%.1f\n", steps * (double)BATCH / passed);
    fflush(stdout);
  }
}
