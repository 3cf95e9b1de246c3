/* Batch norm over the rows (pixels of the batch) of a (rows, channels) tensor:
 *     y = act(gamma * (x - mean) * invstd + beta [+ r]),   invstd = 1 / sqrt(var + eps)
 * Per channel: mean, invstd, gamma, beta and the sums. Reductions take two passes, over the pieces of
 * sanl_pieces_of and then over their results, in an order that a device keeps; few rows on a GPU are reduced
 * within a work-group (the kernels of columns). Rows are taken in blocks, so that a value of a channel is
 * loaded once for all of a block, and memory is still read in order.
 * Loops and VEC: see ops/sweep.h. */

#define BLOCK 8

/* Before residual and ReLU. */
#define NORMALISED(x, centre, scale, shift) FMA((x) - (centre), scale, shift)

/* Mean of each piece (part[piece]) and its sum of squared deviations (part[pieces + piece]). Within a block
 * of rows by the two-pass formula, blocks combined by Chan's formula, everything relative to the piece's
 * first row: sound for means far larger than the deviation, and for outliers. */
kernel void batch_norm_moments(int rows, int groups, int pieces, int length, global const VEC *restrict x,
                               global VEC *restrict part)
{
    const int piece = get_global_id(1);
    if (piece >= pieces)
        return;
    const int first = piece * length, last = min(first + length, rows);
    global VEC *means = part + (size_t)piece * groups, *squares = means + (size_t)pieces * groups;
    for (int start = first; start < last; start += BLOCK) {
        const int count = min(BLOCK, last - start);
        const float inverse = 1.0f / count, before = start - first, share = count / (before + count);
        WALK(g, get_global_id(0), groups) {
            const VEC shift = x[(size_t)first * groups + g];
            global const VEC *at = x + (size_t)start * groups + g;
            VEC sum = 0, square = 0;
            if (count == BLOCK) {
                VEC v[BLOCK];
#pragma unroll
                for (int k = 0; k < BLOCK; k++)
                    v[k] = at[(size_t)k * groups] - shift;
                sum = ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
                const VEC mean = sum * inverse;
#pragma unroll
                for (int k = 0; k < BLOCK; k++)
                    square += (v[k] - mean) * (v[k] - mean);
            } else {
                for (int k = 0; k < count; k++)
                    sum += at[(size_t)k * groups] - shift;
                const VEC mean = sum * inverse;
                for (int k = 0; k < count; k++) {
                    const VEC v = at[(size_t)k * groups] - shift - mean;
                    square += v * v;
                }
            }
            VEC mean = sum * inverse;
            if (start > first) {
                const VEC old = means[g], delta = mean - old;
                mean = old + delta * share;
                square += squares[g] + delta * delta * (before * share);
            }
            means[g] = start + BLOCK < last ? mean : mean + shift;
            squares[g] = square;
        }
    }
}

/* mean and invstd of the batch, and with its sum of squared deviations the running averages (of the unbiased
 * variance). */
#define KEEP_STATISTICS(average, inverse, squares, old_mean, old_var)                                        \
    mean[g] = average;                                                                                       \
    invstd[g] = inverse;                                                                                     \
    running_mean[g] = (old_mean) + momentum * ((average) - (old_mean));                                      \
    running_var[g] = (old_var) + momentum * ((squares) / max(rows - 1, 1) - (old_var));

/* From the pieces: mean and invstd of the batch, and the running averages (of the unbiased variance). */
kernel void batch_norm_statistics(int rows, int groups, int pieces, int length, float eps, float momentum,
                                  global const VEC *restrict part, global VEC *restrict mean,
                                  global VEC *restrict invstd, global VEC *restrict running_mean,
                                  global VEC *restrict running_var, local VEC *scratch)
{
    const int g = get_global_id(0), first = get_local_id(1), parts = get_local_size(1);
    const int last = g < groups ? pieces : 0;
    const VEC shift = g < groups ? part[g] : 0;
    VEC sum = 0, square = 0;
    for (int piece = first; piece < last; piece += parts)
        sum += (part[(size_t)piece * groups + g] - shift) * min(length, rows - piece * length);
    sum = sum_parts(sum, scratch) / rows;
    for (int piece = first; piece < last; piece += parts) {
        const VEC v = part[(size_t)piece * groups + g] - shift - sum;
        square += part[(size_t)(pieces + piece) * groups + g] + v * v * min(length, rows - piece * length);
    }
    const bool owner = g < groups && first == 0;
    const VEC old_mean = owner ? running_mean[g] : 0, old_var = owner ? running_var[g] : 0;
    square = sum_parts(square, scratch);
    if (!owner)
        return;
    KEEP_STATISTICS(shift + sum, 1 / sqrt(square / rows + eps), square, old_mean, old_var)
}

/* mean and invstd from the running averages. */
kernel void batch_norm_frozen(int groups, float eps, global const VEC *restrict running_mean,
                              global const VEC *restrict running_var, global VEC *restrict mean,
                              global VEC *restrict invstd)
{
    const int g = get_global_id(0);
    if (g >= groups)
        return;
    mean[g] = running_mean[g];
    invstd[g] = 1 / sqrt(running_var[g] + eps);
}

/* r may be NULL. */
kernel void batch_norm_forward(int rows, int groups, int span, int relu, global const VEC *restrict mean,
                               global const VEC *restrict invstd, global const VEC *restrict gamma,
                               global const VEC *restrict beta, global const VEC *restrict x,
                               global const VEC *restrict r, global VEC *restrict y)
{
    const int first = (int)get_global_id(1) * span, last = min(first + span, rows);
    for (int start = first; start < last; start += BLOCK)
        WALK(g, get_global_id(0), groups) {
            const VEC centre = mean[g], scale = invstd[g] * gamma[g], shift = beta[g];
            const int stop = min(start + BLOCK, last);
            for (int row = start; row < stop; row++) {
                const size_t i = (size_t)row * groups + g;
                VEC v = NORMALISED(x[i], centre, scale, shift);
                if (r)
                    v += r[i];
                if (relu)
                    v = v < 0 ? (VEC)0 : v;
                y[i] = v;
            }
        }
}

/* Sums of each piece: of dy (part[piece]) and of dy * (x - mean) (part[pieces + piece]). With ReLU dy counts
 * where the output is above 0: y, or where that is NULL the output made once more from x. */
kernel void batch_norm_sums(int rows, int groups, int pieces, int length, int relu,
                            global const VEC *restrict mean, global const VEC *restrict invstd,
                            global const VEC *restrict gamma, global const VEC *restrict beta,
                            global const VEC *restrict x, global const VEC *restrict y,
                            global const VEC *restrict dy, global VEC *restrict part)
{
    const int piece = get_global_id(1);
    if (piece >= pieces)
        return;
    const int first = piece * length, last = min(first + length, rows);
    global VEC *sums = part + (size_t)piece * groups, *products = sums + (size_t)pieces * groups;
    for (int start = first; start < last; start += BLOCK)
        WALK(g, get_global_id(0), groups) {
            const VEC centre = mean[g], scale = invstd[g] * gamma[g], shift = beta[g];
            const int stop = min(start + BLOCK, last);
            VEC sum = start > first ? sums[g] : 0, product = start > first ? products[g] : 0;
            for (int row = start; row < stop; row++) {
                const size_t i = (size_t)row * groups + g;
                const VEC v = x[i];
                VEC d = dy[i];
                if (relu)
                    d = (y ? y[i] : NORMALISED(v, centre, scale, shift)) <= 0 ? (VEC)0 : d;
                sum += d;
                product += d * (v - centre);
            }
            sums[g] = sum;
            products[g] = product;
        }
}

/* From the pieces: dgamma and dbeta (either may be NULL), and at the start of part, in place of what only
 * this group reads, the coefficients of dx in batch mode. */
kernel void batch_norm_gradients(int rows, int groups, int pieces, global VEC *restrict part,
                                 global const VEC *restrict invstd, global VEC *restrict dgamma,
                                 global VEC *restrict dbeta, local VEC *scratch)
{
    const int g = get_global_id(0), first = get_local_id(1), parts = get_local_size(1);
    const int last = g < groups ? pieces : 0;
    VEC sum = 0, product = 0;
    for (int piece = first; piece < last; piece += parts) {
        sum += part[(size_t)piece * groups + g];
        product += part[(size_t)(pieces + piece) * groups + g];
    }
    const bool owner = g < groups && first == 0;
    const VEC scale = owner ? invstd[g] : 0;
    sum = sum_parts(sum, scratch);
    product = sum_parts(product, scratch);
    if (!owner)
        return;
    if (dgamma)
        dgamma[g] = product * scale;
    if (dbeta)
        dbeta[g] = sum;
    part[g] = sum / rows;
    part[groups + g] = product * scale * scale / rows;
}

/* Batch mode: dx (+)= gamma * invstd * (dy - mean(dy) - (x - mean) * invstd^2 * mean(dy * (x - mean))), the
 * two means in `coefficients`; frozen (coefficients NULL): dx (+)= gamma * invstd * dy. dr (+)= dy. relu and
 * y as in batch_norm_sums; dx or dr may be NULL, and x where nothing is made of it. */
kernel void batch_norm_backward(int rows, int groups, int span, int relu, int add_x, int add_r,
                                global const VEC *restrict mean, global const VEC *restrict invstd,
                                global const VEC *restrict gamma, global const VEC *restrict beta,
                                global const VEC *restrict coefficients, global const VEC *restrict x,
                                global const VEC *restrict y, global const VEC *restrict dy,
                                global VEC *restrict dx, global VEC *restrict dr)
{
    const int first = (int)get_global_id(1) * span, last = min(first + span, rows);
    for (int start = first; start < last; start += BLOCK)
        WALK(g, get_global_id(0), groups) {
            const VEC centre = mean[g], scale = invstd[g] * gamma[g], shift = beta[g];
            const VEC of_one = coefficients ? coefficients[g] : 0;
            const VEC of_x = coefficients ? coefficients[groups + g] : 0;
            const int stop = min(start + BLOCK, last);
            for (int row = start; row < stop; row++) {
                const size_t i = (size_t)row * groups + g;
                const VEC v = x ? x[i] : 0;
                VEC d = dy[i];
                if (relu)
                    d = (y ? y[i] : NORMALISED(v, centre, scale, shift)) <= 0 ? (VEC)0 : d;
                if (dr)
                    dr[i] = add_r ? dr[i] + d : d;
                if (!dx)
                    continue;
                if (coefficients)
                    d -= of_one + (v - centre) * of_x;
                d *= scale;
                dx[i] = add_x ? dx[i] + d : d;
            }
        }
}

/* Batch mode of few rows, on a GPU: a work-group takes all rows of its channels, which is one launch each way
 * instead of three; between the passes they stay in a cache. A work-item takes every parts-th row, BLOCK of
 * them on their way at once: k is row start + k * parts, behind the last one that one again, which then does
 * not count. */
#define EACH(k)   UNROLL for (int k = 0; k < BLOCK; k++)
#define COUNTS(k) (start + k * parts < last)
#define PLACE(k)  ((size_t)min(start + k * parts, rows - 1) * groups + g)

kernel void batch_norm_columns_forward(int rows, int groups, int relu, float eps, float momentum,
                                       global const VEC *restrict gamma, global const VEC *restrict beta,
                                       global const VEC *restrict x, global const VEC *restrict r,
                                       global VEC *restrict y, global VEC *restrict mean,
                                       global VEC *restrict invstd, global VEC *restrict running_mean,
                                       global VEC *restrict running_var, local VEC *scratch)
{
    const int first = get_local_id(1), parts = get_local_size(1);
    const int g = min((int)get_global_id(0), groups - 1), last = get_global_id(0) < groups ? rows : 0;
    const VEC shift = x[g];
    VEC v[BLOCK], sum = 0, square = 0;
    for (int start = first; start < last; start += BLOCK * parts) {
        EACH(k) v[k] = x[PLACE(k)];
        EACH(k) if (COUNTS(k)) sum += v[k] - shift;
    }
    sum = sum_parts(sum, scratch) / rows;
    for (int start = first; start < last; start += BLOCK * parts) {
        EACH(k) v[k] = x[PLACE(k)] - shift - sum;
        EACH(k) if (COUNTS(k)) square += v[k] * v[k];
    }
    square = sum_parts(square, scratch);
    const VEC centre = shift + sum, inverse = 1 / sqrt(square / rows + eps);
    if (first < last && first == 0) {
        const VEC old_mean = running_mean[g], old_var = running_var[g];
        KEEP_STATISTICS(centre, inverse, square, old_mean, old_var)
    }
    const VEC scale = inverse * gamma[g], offset = beta[g];
    for (int start = first; start < last; start += BLOCK * parts) {
        EACH(k) v[k] = NORMALISED(x[PLACE(k)], centre, scale, offset);
        if (r)
            EACH(k) v[k] += r[PLACE(k)];
        if (relu)
            EACH(k) v[k] = v[k] < 0 ? (VEC)0 : v[k];
        EACH(k) if (COUNTS(k)) y[PLACE(k)] = v[k];
    }
}

/* v = x, d = dy behind the ReLU */
#define LOAD_GRADIENTS                                                                                       \
    EACH(k) v[k] = x[PLACE(k)];                                                                              \
    EACH(k) d[k] = dy[PLACE(k)];                                                                             \
    if (relu && y) {                                                                                         \
        EACH(k) d[k] = y[PLACE(k)] <= 0 ? (VEC)0 : d[k];                                                     \
    } else if (relu) {                                                                                       \
        EACH(k) d[k] = NORMALISED(v[k], centre, scale, shift) <= 0 ? (VEC)0 : d[k];                          \
    }

/* dgamma, dbeta, dx and dr may be NULL. */
kernel void batch_norm_columns_backward(int rows, int groups, int relu, int add_x, int add_r,
                                        global const VEC *restrict mean, global const VEC *restrict invstd,
                                        global const VEC *restrict gamma, global const VEC *restrict beta,
                                        global const VEC *restrict x, global const VEC *restrict y,
                                        global const VEC *restrict dy, global VEC *restrict dx,
                                        global VEC *restrict dr, global VEC *restrict dgamma,
                                        global VEC *restrict dbeta, local VEC *scratch)
{
    const int first = get_local_id(1), parts = get_local_size(1);
    const int g = min((int)get_global_id(0), groups - 1), last = get_global_id(0) < groups ? rows : 0;
    const VEC centre = mean[g], inverse = invstd[g], scale = inverse * gamma[g], shift = beta[g];
    VEC v[BLOCK], d[BLOCK], sum = 0, product = 0;
    for (int start = first; start < last; start += BLOCK * parts) {
        LOAD_GRADIENTS
        EACH(k) if (COUNTS(k))
        {
            sum += d[k];
            product += d[k] * (v[k] - centre);
        }
    }
    sum = sum_parts(sum, scratch);
    product = sum_parts(product, scratch);
    if (first < last && first == 0) {
        if (dgamma)
            dgamma[g] = product * inverse;
        if (dbeta)
            dbeta[g] = sum;
    }
    const VEC of_one = sum / rows, of_x = product * inverse * inverse / rows;
    for (int start = first; start < last; start += BLOCK * parts) {
        LOAD_GRADIENTS
        if (dr) {
            EACH(k) if (COUNTS(k)) dr[PLACE(k)] = add_r ? dr[PLACE(k)] + d[k] : d[k];
        }
        if (dx) {
            EACH(k) d[k] = (d[k] - of_one - (v[k] - centre) * of_x) * scale;
            EACH(k) if (COUNTS(k)) dx[PLACE(k)] = add_x ? dx[PLACE(k)] + d[k] : d[k];
        }
    }
}
