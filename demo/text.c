/*
 * reforge-demo-text - golden inputs of the PP-OCR models, from text rendered with FreeType.
 *
 *   page of lines  ─► 320 × 320, ImageNet mean and deviation  ─► reading-det
 *   line of text   ─► 48 high, (x/255 - 0.5) / 0.5            ─► reading-rec (320 wide), reading-cls (192, half upside down)
 *
 * Shapes and normalisation are PaddleOCR's own (its ppocr/data/imaug), channels in its order, blue first.
 */
/* First: it names functions that base/macros.h then forbids. */
#include <ft2build.h>
#include FT_FREETYPE_H

#include "files.h"

#include "base/arena.h"
#include "base/fs.h"
#include "base/random.h"

#include <math.h>

#define LINE_HEIGHT 48
#define PAGE 320
#define MAX_WIDTH 320

static const char *const LINES[] = {
	"Invoice No. 2026-0715", "Total 1,284.50 EUR", "Track 4 to Hamburg", "Do not open while running", "serial SN-88213-QX", "Exit 12 km",
	"出口 请勿停车", "发票号码 20260715", "合计人民币三百二十元整", "小心地滑", "北京南站 3 号检票口", "推理引擎制品库",
};
#define LINE_COUNT RF_COUNT(LINES)
#define FIRST_CHINESE 6

struct image {
	unsigned width, height;
	float *grey;             /* 0 black .. 255 white */
};

struct fonts { FT_Library library; FT_Face latin, chinese; };

/* Paper: not quite white, not quite even. */
static void fill_paper(struct image *i, uint64_t seed)
{
	struct random_stream r = { seed };
	for (unsigned y = 0; y < i->height; y++)
		for (unsigned x = 0; x < i->width; x++)
			i->grey[y * i->width + x] = (float)(236 + 8 * sin(x * 0.013 + y * 0.021) + 6 * random_unit(&r));
}

static void draw_glyph(struct image *i, const FT_GlyphSlot g, int x0, int y0, float ink)
{
	for (unsigned y = 0; y < g->bitmap.rows; y++)
		for (unsigned x = 0; x < g->bitmap.width; x++) {
			int px = x0 + g->bitmap_left + (int)x, py = y0 - g->bitmap_top + (int)y;
			if (px < 0 || py < 0 || px >= (int)i->width || py >= (int)i->height)
				continue;
			float cover = (float)g->bitmap.buffer[(int)y * g->bitmap.pitch + (int)x] / 255.0f;
			float *to = &i->grey[(unsigned)py * i->width + (unsigned)px];
			*to = *to * (1 - cover) + ink * cover;
		}
}

/* The next code point of UTF-8 text of our own; 0 at its end. */
static uint32_t next_code(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;
	if (!*p)
		return 0;
	unsigned n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	uint32_t code = n == 1 ? *p : *p & (0xffu >> (n + 1));
	for (unsigned i = 1; i < n && p[i]; i++)
		code = code << 6 | (p[i] & 0x3fu);
	*text += n;
	return code;
}

/* Draws @text with its baseline at @y; returns where it ended. */
static int draw_text(struct image *i, const struct fonts *f, const char *text, unsigned pixels, int x, int y, float ink, struct err *err)
{
	for (uint32_t code; (code = next_code(&text));) {
		FT_Face face = f->chinese && FT_Get_Char_Index(f->latin, code) == 0 ? f->chinese : f->latin;
		if (FT_Set_Pixel_Sizes(face, 0, pixels) || FT_Load_Char(face, code, FT_LOAD_RENDER | FT_LOAD_TARGET_NORMAL))
			return err_set(err, RF_EIO, "FreeType cannot render U+%04X", code);
		draw_glyph(i, face->glyph, x, y, ink);
		x += (int)(face->glyph->advance.x >> 6);
	}
	return x;
}

struct normal { double mean[3], deviation[3]; };
static const struct normal PLAIN = { { 0.5, 0.5, 0.5 }, { 0.5, 0.5, 0.5 } };
static const struct normal IMAGENET = { { 0.485, 0.456, 0.406 }, { 0.229, 0.224, 0.225 } };

/* Grey to three planes with a tint, so that the channels differ; @turned: upside down. */
static int put_image(const char *golden, const char *name, const struct image *i, const struct normal *n, bool turned, struct err *err)
{
	static const double tint[3] = { 0.96, 0.99, 1.0 };
	size_t pixels = (size_t)i->width * i->height;
	RF_AUTO_FREE float *planes = rf_alloc(3 * pixels * sizeof *planes);
	if (!planes)
		return err_set(err, RF_ENOMEM, "out of memory");
	for (size_t c = 0; c < 3; c++)
		for (size_t p = 0; p < pixels; p++) {
			double v = fmin(fmax((double)i->grey[turned ? pixels - 1 - p : p] * tint[c], 0), 255);
			planes[c * pixels + p] = (float)((rint(v) / 255 - n->mean[c]) / n->deviation[c]);
		}
	struct npy t = files_floats(planes, 4, (uint64_t[]){ 1, 3, i->height, i->width });
	return files_put_tensor(golden, name, 0, &t, err);
}

static int put_line(const char *golden, const struct fonts *f, size_t k, unsigned width, bool turned, struct err *err)
{
	float grey[LINE_HEIGHT * MAX_WIDTH];
	struct image i = { width, LINE_HEIGHT, grey };
	char name[32];
	snprintf(name, sizeof name, "line-%02zu%s", k, turned ? "-turned" : "");
	fill_paper(&i, k + 1);
	int rc = draw_text(&i, f, LINES[k], 26, 8, 34, 30, err);
	return rc < 0 ? rc : put_image(golden, name, &i, &PLAIN, turned, err);
}

static int put_page(const char *golden, const struct fonts *f, size_t k, size_t lines, struct err *err)
{
	static float grey[PAGE * PAGE];
	struct image i = { PAGE, PAGE, grey };
	char name[32];
	snprintf(name, sizeof name, "page-%02zu", k);
	fill_paper(&i, 100 + k);
	for (size_t line = 0; line < lines; line++) {
		size_t which = (k * 5 + line) % (f->chinese ? LINE_COUNT : FIRST_CHINESE);
		int rc = draw_text(&i, f, LINES[which], 18 + (unsigned)(line * 3 + k) % 8, 14 + (int)(k * 7 % 20), 44 + (int)line * 52,
		                   20.0f + 8 * (float)k, err);
		if (rc < 0)
			return rc;
	}
	return put_image(golden, name, &i, &IMAGENET, false, err);
}

static int folder_of(char *ret, const char *golden, const char *model, struct err *err)
{
	struct span x = SPAN("x");
	int rc = fs_join(ret, FS_PATH_MAX, golden, model, err);
	return rc ? rc : files_put_inputs(ret, model, &x, 1, "text rendered with FreeType; see demo/text.c", err);
}

static int make_all(const struct fonts *f, const char *golden, struct err *err)
{
	char det[FS_PATH_MAX], rec[FS_PATH_MAX], cls[FS_PATH_MAX];
	int rc = folder_of(det, golden, "reading-det", err);
	if (rc == 0)
		rc = folder_of(rec, golden, "reading-rec", err);
	if (rc == 0)
		rc = folder_of(cls, golden, "reading-cls", err);
	for (size_t k = 0; rc == 0 && k < 5; k++)
		rc = put_page(det, f, k, k == 0 ? 0 : 5 - k % 3, err);      /* the first is blank: near zero everywhere */
	size_t lines = f->chinese ? LINE_COUNT : FIRST_CHINESE;
	for (size_t k = 0; rc == 0 && k < lines; k++)
		rc = put_line(rec, f, k, MAX_WIDTH, false, err);
	for (size_t k = 0; rc == 0 && k < lines; k++)
		rc = put_line(cls, f, k, 192, k % 2 == 1, err);
	return rc;
}

static int open_font(struct fonts *f, const char *path, FT_Face *ret, struct err *err)
{
	if (FT_New_Face(f->library, path, 0, ret) == 0)
		return 0;
	(void)err_set(err, RF_ENOTFOUND, "FreeType cannot open the font");
	return err_in_file(err, path);
}

int main(int argc, char **argv)
{
	if (argc < 3 || argc > 4) {
		fprintf(stderr, "Usage: reforge-demo-text GOLDEN LATIN_FONT [CHINESE_FONT]\n"
		                "Writes golden inputs of the PP-OCR models to GOLDEN/reading-{det,rec,cls}/.\n");
		return 2;
	}
	struct err err = ERR_INIT;
	struct fonts f = { 0 };
	int rc = FT_Init_FreeType(&f.library) ? err_set(&err, RF_EINTERNAL, "FreeType does not start") : 0;
	if (rc == 0)
		rc = open_font(&f, argv[2], &f.latin, &err);
	if (rc == 0 && argc == 4)
		rc = open_font(&f, argv[3], &f.chinese, &err);
	if (rc == 0)
		rc = make_all(&f, argv[1], &err);
	FT_Done_FreeType(f.library);
	return files_fail("reforge-demo-text", rc, &err);
}
