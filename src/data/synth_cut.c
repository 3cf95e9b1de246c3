/* The categories as recipes, and a garment cut from one at random. */
#include <string.h>
#include "data/synth.h"

#define BIT(name) (1u << (name))

#define PRINTS                                                                                               \
    (BIT(FABRIC_PLAIN) | BIT(FABRIC_STRIPES) | BIT(FABRIC_CHECKS) | BIT(FABRIC_DOTS) | BIT(FABRIC_FLOWERS) | \
     BIT(FABRIC_FADE))

/* Names and types as in DeepFashion's list of categories, sorted by type, then name. */
const struct sanl_synth_recipe sanl_synth_recipes[] = {
    {.name = "Blouse",
     .type = SANL_CLOTHES_UPPER,
     .hem = {2.25f, 2.75f},
     .ease = {0.06f, 0.13f},
     .cinch = {0.4f, 1},
     .flare = {0, 0.14f},
     .sleeve = {0.3f, 0.98f},
     .cuff = {0.15f, 0.26f},
     .necks = BIT(NECK_V) | BIT(NECK_SCOOP) | BIT(NECK_BOAT),
     .fronts = BIT(FRONT_CLOSED) | BIT(FRONT_BUTTONS),
     .fabrics = BIT(FABRIC_PLAIN) | BIT(FABRIC_DOTS) | BIT(FABRIC_FLOWERS) | BIT(FABRIC_FADE)},
    {.name = "Button-Down",
     .type = SANL_CLOTHES_UPPER,
     .hem = {2.6f, 3.05f},
     .ease = {0.08f, 0.15f},
     .cinch = {0, 0.5f},
     .flare = {0, 0.05f},
     .sleeve = {0.32f, 1},
     .cuff = {0.14f, 0.2f},
     .necks = BIT(NECK_SHIRT),
     .fronts = BIT(FRONT_BUTTONS),
     .fabrics = BIT(FABRIC_PLAIN) | BIT(FABRIC_STRIPES) | BIT(FABRIC_CHECKS) | BIT(FABRIC_DENIM)},
    {.name = "Cardigan",
     .type = SANL_CLOTHES_UPPER,
     .hem = {2.5f, 3.3f},
     .ease = {0.1f, 0.18f},
     .cinch = {0, 0.5f},
     .flare = {0, 0.1f},
     .sleeve = {0.85f, 1},
     .cuff = {0.14f, 0.18f},
     .necks = BIT(NECK_V),
     .fronts = BIT(FRONT_OPEN),
     .fabrics = BIT(FABRIC_KNIT) | BIT(FABRIC_PLAIN) | BIT(FABRIC_STRIPES)},
    {.name = "Hoodie",
     .type = SANL_CLOTHES_UPPER,
     .hem = {2.5f, 2.9f},
     .ease = {0.15f, 0.22f},
     .cinch = {0, 0.3f},
     .flare = {-0.06f, 0},
     .sleeve = {0.9f, 1},
     .cuff = {0.13f, 0.16f},
     .necks = BIT(NECK_HOOD),
     .fronts = BIT(FRONT_CLOSED) | BIT(FRONT_PRINT) | BIT(FRONT_ZIP),
     .fabrics = BIT(FABRIC_PLAIN) | BIT(FABRIC_CAMO) | BIT(FABRIC_FADE)},
    {.name = "Jacket",
     .type = SANL_CLOTHES_UPPER,
     .hem = {2.3f, 2.85f},
     .ease = {0.14f, 0.2f},
     .cinch = {0.2f, 0.8f},
     .flare = {-0.03f, 0.06f},
     .sleeve = {0.9f, 1},
     .cuff = {0.15f, 0.19f},
     .necks = BIT(NECK_LAPEL),
     .fronts = BIT(FRONT_ZIP) | BIT(FRONT_BUTTONS) | BIT(FRONT_OPEN),
     .fabrics = BIT(FABRIC_PLAIN) | BIT(FABRIC_DENIM) | BIT(FABRIC_CAMO) | BIT(FABRIC_CHECKS)},
    {.name = "Sweater",
     .type = SANL_CLOTHES_UPPER,
     .hem = {2.4f, 2.9f},
     .ease = {0.12f, 0.2f},
     .cinch = {0, 0.4f},
     .flare = {-0.04f, 0.03f},
     .sleeve = {0.9f, 1},
     .cuff = {0.14f, 0.17f},
     .necks = BIT(NECK_CREW) | BIT(NECK_V),
     .fronts = BIT(FRONT_CLOSED),
     .fabrics = BIT(FABRIC_KNIT) | BIT(FABRIC_STRIPES)},
    {.name = "Tank",
     .type = SANL_CLOTHES_UPPER,
     .hem = {2.2f, 2.8f},
     .ease = {0.03f, 0.1f},
     .cinch = {0.3f, 1},
     .flare = {0, 0.12f},
     .necks = BIT(NECK_SCOOP) | BIT(NECK_SQUARE) | BIT(NECK_V),
     .fronts = BIT(FRONT_CLOSED) | BIT(FRONT_PRINT),
     .fabrics = PRINTS},
    {.name = "Tee",
     .type = SANL_CLOTHES_UPPER,
     .hem = {2.4f, 2.9f},
     .ease = {0.06f, 0.15f},
     .cinch = {0, 0.8f},
     .flare = {0, 0.05f},
     .sleeve = {0.28f, 0.46f},
     .cuff = {0.24f, 0.31f},
     .necks = BIT(NECK_CREW) | BIT(NECK_V) | BIT(NECK_SCOOP),
     .fronts = BIT(FRONT_CLOSED) | BIT(FRONT_PRINT),
     .fabrics = BIT(FABRIC_PLAIN) | BIT(FABRIC_STRIPES) | BIT(FABRIC_FADE)},
    {.name = "Culottes",
     .type = SANL_CLOTHES_LOWER,
     .ease = {0.05f, 0.09f},
     .bottom = BOTTOM_LEGS,
     .leg = {0.5f, 0.7f},
     .leg_width = {0.4f, 0.5f},
     .fabrics = PRINTS},
    {.name = "Jeans",
     .type = SANL_CLOTHES_LOWER,
     .ease = {0.02f, 0.06f},
     .bottom = BOTTOM_LEGS,
     .leg = {0.85f, 1},
     .leg_width = {0.17f, 0.3f},
     .fabrics = BIT(FABRIC_DENIM)},
    {.name = "Leggings",
     .type = SANL_CLOTHES_LOWER,
     .ease = {0.01f, 0.02f},
     .bottom = BOTTOM_LEGS,
     .leg = {0.8f, 0.98f},
     .leg_width = {0.12f, 0.14f},
     .fabrics = BIT(FABRIC_PLAIN) | BIT(FABRIC_CAMO) | BIT(FABRIC_FLOWERS) | BIT(FABRIC_FADE)},
    {.name = "Shorts",
     .type = SANL_CLOTHES_LOWER,
     .ease = {0.03f, 0.08f},
     .bottom = BOTTOM_LEGS,
     .leg = {0.2f, 0.4f},
     .leg_width = {0.36f, 0.46f},
     .fabrics = PRINTS | BIT(FABRIC_DENIM) | BIT(FABRIC_CAMO)},
    {.name = "Skirt",
     .type = SANL_CLOTHES_LOWER,
     .ease = {0.04f, 0.08f},
     .bottom = BOTTOM_SKIRT,
     .leg = {0.2f, 0.85f},
     .leg_width = {0.02f, 0.7f},
     .fabrics = PRINTS | BIT(FABRIC_DENIM)},
    {.name = "Coat",
     .type = SANL_CLOTHES_FULL,
     .hem = {3.8f, 5.2f},
     .ease = {0.16f, 0.24f},
     .cinch = {0.4f, 1},
     .flare = {0.05f, 0.3f},
     .sleeve = {0.92f, 1},
     .cuff = {0.16f, 0.21f},
     .necks = BIT(NECK_LAPEL) | BIT(NECK_SHIRT),
     .fronts = BIT(FRONT_BUTTONS) | BIT(FRONT_ZIP),
     .fabrics = BIT(FABRIC_PLAIN) | BIT(FABRIC_CHECKS)},
    {.name = "Dress",
     .type = SANL_CLOTHES_FULL,
     .hem = {3.6f, 5.9f},
     .ease = {0.03f, 0.08f},
     .cinch = {0.8f, 1},
     .flare = {0.12f, 0.75f},
     .sleeve = {0, 0.65f},
     .cuff = {0.18f, 0.26f},
     .necks = BIT(NECK_SCOOP) | BIT(NECK_V) | BIT(NECK_BOAT) | BIT(NECK_SQUARE),
     .fronts = BIT(FRONT_CLOSED),
     .fabrics = PRINTS},
    {.name = "Jumpsuit",
     .type = SANL_CLOTHES_FULL,
     .ease = {0.04f, 0.1f},
     .cinch = {0.7f, 1},
     .sleeve = {0, 0.65f},
     .cuff = {0.18f, 0.24f},
     .necks = BIT(NECK_V) | BIT(NECK_SHIRT) | BIT(NECK_SCOOP),
     .fronts = BIT(FRONT_CLOSED) | BIT(FRONT_ZIP) | BIT(FRONT_BUTTONS),
     .bottom = BOTTOM_LEGS,
     .leg = {0.8f, 1},
     .leg_width = {0.16f, 0.42f},
     .fabrics = PRINTS | BIT(FABRIC_DENIM)},
    {.name = "Romper",
     .type = SANL_CLOTHES_FULL,
     .ease = {0.04f, 0.1f},
     .cinch = {0.7f, 1},
     .sleeve = {0, 0.5f},
     .cuff = {0.2f, 0.28f},
     .necks = BIT(NECK_V) | BIT(NECK_SQUARE) | BIT(NECK_SCOOP),
     .fronts = BIT(FRONT_CLOSED) | BIT(FRONT_BUTTONS),
     .bottom = BOTTOM_LEGS,
     .leg = {0.18f, 0.32f},
     .leg_width = {0.38f, 0.46f},
     .fabrics = PRINTS},
};
const int sanl_synth_recipe_count = (int)(sizeof sanl_synth_recipes / sizeof sanl_synth_recipes[0]);

static float from(struct sanl_synth_random *random, const float range[2])
{
    return sanl_synth_between(random, range[0], range[1]);
}

static void cut_neck(struct sanl_synth_cut *out, struct sanl_synth_random *random)
{
    static const float widths[][2] = {{0.27f, 0.34f}, {0.34f, 0.48f}, {0.28f, 0.4f},  {0.48f, 0.6f},
                                      {0.4f, 0.5f},   {0.25f, 0.29f}, {0.28f, 0.34f}, {0.29f, 0.34f}};
    static const float depths[][2] = {{0.2f, 0.3f},   {0.4f, 0.7f},  {0.5f, 0.95f}, {0.1f, 0.2f},
                                      {0.45f, 0.65f}, {0.3f, 0.36f}, {0.7f, 1.1f},  {0.26f, 0.36f}};
    out->neck = (enum sanl_synth_neck)sanl_synth_pick(random, out->recipe->necks);
    out->neck_width = from(random, widths[out->neck]);
    out->neck_depth = from(random, depths[out->neck]);
    out->strap = sanl_synth_between(random, 0.1f, 0.26f);
    if (out->neck == NECK_BOAT)
        out->strap = 0.3f;
}

void sanl_synth_cut_create(struct sanl_synth_cut *out, struct sanl_synth_random *random,
                           const struct sanl_synth_recipe *recipe, struct sanl_synth_colour avoid)
{
    static const struct sanl_synth_colour black = {10, 10, 14};
    memset(out, 0, sizeof *out);
    out->recipe = recipe;
    out->paint = sanl_synth_fabric_paint(random, recipe->fabrics, avoid);
    out->inside = sanl_synth_plain(sanl_synth_mix(out->paint.colour[0], black, 0.45f));
    out->trim = sanl_synth_chance(random, 0.5f) ? out->paint.colour[3] : out->paint.colour[1];
    out->shirt = sanl_synth_cloth_colour(random);
    out->hem = from(random, recipe->hem);
    out->ease = from(random, recipe->ease);
    out->cinch = recipe->type == SANL_CLOTHES_LOWER ? 1 : from(random, recipe->cinch);
    out->flare = from(random, recipe->flare);
    out->sleeve = from(random, recipe->sleeve);
    if (recipe->sleeve[0] == 0 && out->sleeve < 0.3f)
        out->sleeve = 0;
    out->cuff = from(random, recipe->cuff);
    out->leg = from(random, recipe->leg);
    out->leg_width = from(random, recipe->leg_width);
    out->waist = recipe->type == SANL_CLOTHES_LOWER ? sanl_synth_between(random, 1.8f, 2.15f)
                                                    : sanl_synth_between(random, 1.65f, 1.88f);
    if (recipe->bottom == BOTTOM_LEGS && recipe->type == SANL_CLOTHES_FULL)
        out->hem = out->waist + 0.14f;
    out->hem_bow = sanl_synth_between(random, -0.03f, 0.12f);
    out->pleats = sanl_synth_between(random, 3, 6.5f);
    out->depth = sanl_synth_between(random, 0.05f, 0.13f);
    for (int i = 0; i < 8; i++)
        out->phase[i] = sanl_synth_between(random, 0, 6.28f);
    if (recipe->type != SANL_CLOTHES_LOWER) {
        cut_neck(out, random);
        out->front = (enum sanl_synth_front)sanl_synth_pick(random, recipe->fronts);
    }
    out->belt = recipe->type == SANL_CLOTHES_FULL && sanl_synth_chance(random, 0.55f);
    out->pockets = sanl_synth_chance(random, 0.5f);
    const bool ribbed = out->paint.fabric == FABRIC_KNIT || out->neck == NECK_HOOD;
    if (ribbed || sanl_synth_chance(random, 0.25f))
        out->paint.band_bottom = ribbed ? 0.07f : 0.03f;
}
