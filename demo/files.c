#include "files.h"

#include "base/fs.h"
#include "format/json.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int files_put_npy(const char *path, const struct npy *t, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(256 * MIB);
	int rc = npy_write(&bytes, t, err);
	if (rc == 0)
		rc = str_check(&bytes, path, err);
	int fd = rc ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (rc == 0 && fd < 0)
		rc = err_set_errno(err, errno, "tensor");
	if (rc == 0)
		rc = fs_write_all(fd, bytes.p, bytes.n, err);
	if (fd >= 0)
		(void)close(fd);
	return rc ? (err_in_file(err, path), rc) : 0;
}

int files_put_tensor(const char *folder, const char *name, size_t index, const struct npy *t, struct err *err)
{
	char path[FS_PATH_MAX], file[32];
	int rc = fs_join(path, sizeof path, folder, name, err);
	if (rc == 0)
		rc = fs_make_dirs(path, 0755, err);
	snprintf(file, sizeof file, "/%zu.npy", index);
	size_t n = strlen(path);
	if (rc == 0 && n + strlen(file) >= sizeof path)
		rc = err_set(err, RF_ETOOBIG, "path too long");
	if (rc == 0)
		memcpy(path + n, file, strlen(file) + 1);
	return rc ? rc : files_put_npy(path, t, err);
}

int files_put_inputs(const char *folder, const char *model, const struct span *names, size_t n, const char *note, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	struct json_out o = json_out(&text, true);
	json_object(&o);
	json_member_i64(&o, "format", 1);
	json_member(&o, "model", model);
	json_key(&o, "inputs");
	json_array(&o);
	for (size_t i = 0; i < n; i++)
		json_put_span(&o, names[i]);
	json_array_end(&o);
	json_member(&o, "note", note);
	json_object_end(&o);
	str_add_byte(&text, '\n');
	char path[FS_PATH_MAX];
	int rc = str_check(&text, "inputs.json", err);
	if (rc == 0)
		rc = fs_make_dirs(folder, 0755, err);
	if (rc == 0)
		rc = fs_join(path, sizeof path, folder, "inputs.json", err);
	return rc ? rc : fs_write_atomic(path, str_span(&text), 0644, err);
}

struct npy files_floats(const float *values, unsigned rank, const uint64_t *shape)
{
	struct npy t = { .type = NPY_F32, .ndim = rank };
	memcpy(t.shape, shape, rank * sizeof *shape);
	t.data = span_bytes(values, (size_t)npy_bytes(&t));
	return t;
}

int files_fail(const char *program, int rc, const struct err *err)
{
	char text[2048];
	if (rc)
		fprintf(stderr, "%s: %s\n", program, err_render(err, text, sizeof text));
	return rf_error_exit_status(rc);
}
