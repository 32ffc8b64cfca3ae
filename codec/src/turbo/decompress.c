/* Owns the calls to libjpeg-turbo that decode a JPEG: its C API reports errors by longjmp, which must
 * not cross Rust frames. Never allocates pixels and never judges an image.
 *
 * The data source never refills: if the data ends early the library suspends, which is an error here.
 * Damage within a stream is only a warning of the library, and not an error. So a file decodes here
 * exactly if it decodes in OpenCV, which reads from memory in the same way.
 */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#define COMPONENTS_MAX 4

/* Mirrored by `RawInfo` in decompress.rs. */
struct turbo2ds_jpeg_info {
  uint32_t width;
  uint32_t height;
  uint32_t components;
  /* Whether the three components are Y, Cb and Cr. */
  uint32_t ycbcr;
  uint32_t h_samp[COMPONENTS_MAX];
  uint32_t v_samp[COMPONENTS_MAX];
  /* Samples per row and number of rows of each plane, as read_planes writes them. */
  uint32_t plane_width[COMPONENTS_MAX];
  uint32_t plane_height[COMPONENTS_MAX];
};

struct turbo2ds_jpeg {
  struct jpeg_decompress_struct cinfo;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  int scans_max;
  int open;
};

static struct turbo2ds_jpeg *owner(j_common_ptr cinfo)
{
  return (struct turbo2ds_jpeg *)cinfo->client_data;
}

static void on_error(j_common_ptr cinfo)
{
  longjmp(owner(cinfo)->escape, 1);
}

static void on_message(j_common_ptr cinfo, int level)
{
  if (level < 0) {
    cinfo->err->num_warnings++;
  }
}

static void on_output(j_common_ptr cinfo)
{
  (void)cinfo;
}

static void on_progress(j_common_ptr cinfo)
{
  if (((j_decompress_ptr)cinfo)->input_scan_number > owner(cinfo)->scans_max) {
    on_error(cinfo);
  }
}

static void do_nothing(j_decompress_ptr cinfo)
{
  (void)cinfo;
}

static boolean refuse_to_fill(j_decompress_ptr cinfo)
{
  (void)cinfo;
  return FALSE;
}

static void skip(j_decompress_ptr cinfo, long bytes)
{
  struct jpeg_source_mgr *source = cinfo->src;
  size_t skipped = bytes < 0 ? 0 : (size_t)bytes;
  if (skipped > source->bytes_in_buffer) {
    skipped = source->bytes_in_buffer;
  }
  source->next_input_byte += skipped;
  source->bytes_in_buffer -= skipped;
}

static void describe(const struct jpeg_decompress_struct *cinfo, struct turbo2ds_jpeg_info *info)
{
  info->width = cinfo->image_width;
  info->height = cinfo->image_height;
  info->components = (uint32_t)cinfo->num_components;
  info->ycbcr = cinfo->num_components == 3 && cinfo->jpeg_color_space == JCS_YCbCr;
  for (int i = 0; i < cinfo->num_components && i < COMPONENTS_MAX; i++) {
    const jpeg_component_info *component = &cinfo->comp_info[i];
    info->h_samp[i] = (uint32_t)component->h_samp_factor;
    info->v_samp[i] = (uint32_t)component->v_samp_factor;
    info->plane_width[i] = component->width_in_blocks * DCTSIZE;
    info->plane_height[i] =
        cinfo->total_iMCU_rows * (uint32_t)component->v_samp_factor * DCTSIZE;
  }
}

struct turbo2ds_jpeg *turbo2ds_jpeg_new(void)
{
  return calloc(1, sizeof(struct turbo2ds_jpeg));
}

/* The library's object is recreated for each image: a reused one keeps the tables of the previous
 * image, and a file without tables would be decoded with them. */
void turbo2ds_jpeg_close(struct turbo2ds_jpeg *jpeg)
{
  if (jpeg->open) {
    jpeg_destroy_decompress(&jpeg->cinfo);
    jpeg->open = 0;
  }
}

void turbo2ds_jpeg_free(struct turbo2ds_jpeg *jpeg)
{
  turbo2ds_jpeg_close(jpeg);
  free(jpeg);
}

/* Each function below returns 0, or -1 if the file cannot be decoded. */

int turbo2ds_jpeg_open(struct turbo2ds_jpeg *jpeg, const unsigned char *data, size_t size,
                       int scans_max, struct turbo2ds_jpeg_info *info)
{
  turbo2ds_jpeg_close(jpeg);
  jpeg->cinfo.err = jpeg_std_error(&jpeg->errors);
  jpeg->errors.error_exit = on_error;
  jpeg->errors.emit_message = on_message;
  jpeg->errors.output_message = on_output;
  jpeg->cinfo.client_data = jpeg;
  jpeg->scans_max = scans_max;
  if (setjmp(jpeg->escape) != 0) {
    return -1;
  }
  jpeg_create_decompress(&jpeg->cinfo);
  jpeg->open = 1;
  jpeg->source.init_source = do_nothing;
  jpeg->source.fill_input_buffer = refuse_to_fill;
  jpeg->source.skip_input_data = skip;
  jpeg->source.resync_to_restart = jpeg_resync_to_restart;
  jpeg->source.term_source = do_nothing;
  jpeg->source.next_input_byte = data;
  jpeg->source.bytes_in_buffer = size;
  jpeg->cinfo.src = &jpeg->source;
  jpeg->progress.progress_monitor = on_progress;
  jpeg->cinfo.progress = &jpeg->progress;
  if (jpeg_read_header(&jpeg->cinfo, TRUE) != JPEG_HEADER_OK) {
    return -1;
  }
  describe(&jpeg->cinfo, info);
  return 0;
}

/* One component stays grey, four are CMYK, everything else becomes RGB. */
static J_COLOR_SPACE output_space(const struct jpeg_decompress_struct *cinfo)
{
  switch (cinfo->num_components) {
  case 1:
    return JCS_GRAYSCALE;
  case 4:
    return JCS_CMYK;
  default:
    return JCS_RGB;
  }
}

/* Writes `height` rows of `width` pixels, `stride` bytes apart: grey for one component, CMYK for four,
 * else RGB. */
int turbo2ds_jpeg_read_pixels(struct turbo2ds_jpeg *jpeg, unsigned char *out, size_t stride)
{
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  if (setjmp(jpeg->escape) != 0) {
    return -1;
  }
  cinfo->out_color_space = output_space(cinfo);
  if (!jpeg_start_decompress(cinfo)) {
    return -1;
  }
  while (cinfo->output_scanline < cinfo->output_height) {
    JSAMPROW row = out + (size_t)cinfo->output_scanline * stride;
    if (jpeg_read_scanlines(cinfo, &row, 1) != 1) {
      return -1;
    }
  }
  return 0;
}

/* Writes the samples of each component as stored, `plane_height` rows of `plane_width` samples,
 * `strides` bytes apart. */
int turbo2ds_jpeg_read_planes(struct turbo2ds_jpeg *jpeg, unsigned char *const *planes,
                              const size_t *strides)
{
  struct jpeg_decompress_struct *cinfo = &jpeg->cinfo;
  JSAMPROW rows[COMPONENTS_MAX][MAX_SAMP_FACTOR * DCTSIZE];
  JSAMPARRAY image[COMPONENTS_MAX];
  if (setjmp(jpeg->escape) != 0) {
    return -1;
  }
  cinfo->raw_data_out = TRUE;
  if (!jpeg_start_decompress(cinfo)) {
    return -1;
  }
  const JDIMENSION step = (JDIMENSION)cinfo->max_v_samp_factor * DCTSIZE;
  while (cinfo->output_scanline < cinfo->output_height) {
    for (int i = 0; i < cinfo->num_components && i < COMPONENTS_MAX; i++) {
      const int count = cinfo->comp_info[i].v_samp_factor * DCTSIZE;
      const size_t first = (size_t)(cinfo->output_scanline / step) * (size_t)count;
      for (int row = 0; row < count; row++) {
        rows[i][row] = planes[i] + (first + (size_t)row) * strides[i];
      }
      image[i] = rows[i];
    }
    if (jpeg_read_raw_data(cinfo, image, step) == 0) {
      return -1;
    }
  }
  return 0;
}
