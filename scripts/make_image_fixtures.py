"""Makes tests/fixtures/images: small photographs of every kind that is read, and what must come out of them.

    python3 -m venv venv && venv/bin/pip install opencv-python-headless==4.6.0.66 "numpy<2" pillow pillow-heif tifffile imagecodecs
    venv/bin/python scripts/make_image_fixtures.py        (from the root of the project; needs data/sample/astronaut.png)

reference.csv holds, for each page, the SHA-256 of its pixels as rows of red, green and blue. They are what OpenCV 4.6 reads, but
for what is meant to differ from it, which this script computes: transparent parts lie on plain grey, every format is turned
as its EXIF data ask, and animations are shown frame by frame. HEIC and AVIF have no reference to the bit: decoders differ.
"""
import csv, hashlib, io, os, struct, zlib

import cv2, imagecodecs, numpy as np, pillow_heif, tifffile
from PIL import Image, ImageOps

HERE = os.path.join("tests", "fixtures", "images")
GROUND = 128
os.makedirs(HERE, exist_ok=True)
pillow_heif.register_heif_opener()

portrait = cv2.cvtColor(cv2.imread("data/sample/astronaut.png"), cv2.COLOR_BGR2RGB)[20:260, 100:340]
PHOTO = cv2.resize(portrait, (83, 61), interpolation=cv2.INTER_AREA)
SMALL = cv2.resize(portrait, (41, 31), interpolation=cv2.INTER_AREA)
TINY = cv2.resize(portrait, (27, 18), interpolation=cv2.INTER_AREA)
GREY = cv2.cvtColor(SMALL, cv2.COLOR_RGB2GRAY)
RGBA = np.dstack([SMALL, np.tile(np.linspace(0, 255, SMALL.shape[1]).astype(np.uint8), (SMALL.shape[0], 1))])
rows = []


def write(name, data):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data)
    return data


def encoded(image, kind, **options):
    out = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, kind, **options)
    return out.getvalue()


def expect(name, pages, by):
    for number, pixels in enumerate(pages):
        pixels = np.ascontiguousarray(pixels, np.uint8)
        rows.append([name, number, pixels.shape[1], pixels.shape[0], hashlib.sha256(pixels.tobytes()).hexdigest(), by])


def by_opencv(name, data):
    write(name, data)
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert read is not None, name
    expect(name, [read[..., ::-1]], "opencv")


def on_ground(rgba):
    opacity = rgba[..., 3:].astype(np.uint32)
    return (rgba[..., :3] * opacity + GROUND * (255 - opacity) + 127) // 255


def by_hand(name, data, pages):
    write(name, data)
    expect(name, pages, "this script")


def turned(kind, number, image, **options):
    """A file whose image is stored so that orientation `number` puts it upright."""
    exif = Image.Exif()
    exif[0x0112] = number
    back = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}
    stored = Image.fromarray(image)
    if number in back:
        stored = stored.transpose(Image.Transpose[back[number]])
    return encoded(stored, kind, exif=exif, **options)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, raw, interlaced=0, before=b"", control=b""):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    data = chunk(b"IDAT", zlib.compress(raw, 9)) if raw is not None else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + control + data


def interlaced_png(image):
    raw = b""
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        for row in image[y0::dy, x0::dx]:
            raw += b"\0" + row.tobytes()
    return png(image.shape[1], image.shape[0], 8, 2, raw, 1) + chunk(b"IEND", b"")


def plain_rows(image):
    return b"".join(b"\0" + row.tobytes() for row in image)


# ---- JPEG
for name, options in {
    "420": {}, "422": {"subsampling": 1}, "444": {"subsampling": 0}, "progressive": {"progressive": True},
    "progressive_444": {"progressive": True, "subsampling": 0}, "restarts": {"restart_marker_blocks": 4},
}.items():
    by_opencv(f"{name}.jpg", encoded(PHOTO, "JPEG", quality=85, **options))
for name, sampling in {"440": (1, 2), "411": (4, 1)}.items():
    by_opencv(f"{name}.jpg", imagecodecs.jpeg8_encode(PHOTO, level=85, colorspace="rgb", subsampling=sampling))
by_opencv("grey.jpg", encoded(cv2.cvtColor(PHOTO, cv2.COLOR_RGB2GRAY), "JPEG", quality=85))
by_opencv("inks.jpg", encoded(Image.fromarray(SMALL).convert("CMYK"), "JPEG", quality=85))
inks = np.asarray(Image.fromarray(SMALL).convert("CMYK"))
by_opencv("ycck.jpg", imagecodecs.jpeg8_encode(255 - inks, level=85, colorspace="cmyk", outcolorspace="ycck"))
for number in range(1, 9):
    by_opencv(f"orientation_{number}.jpg", turned("JPEG", number, TINY, quality=90, subsampling=0))

# ---- PNG
by_opencv("grey.png", encoded(GREY, "PNG"))
by_opencv("grey16.png", cv2.imencode(".png", (GREY.astype(np.uint16) * 251 + 77))[1].tobytes())
by_opencv("rgb16.png", cv2.imencode(".png", TINY.astype(np.uint16) * 255 + 199)[1].tobytes())
by_opencv("palette.png", encoded(Image.fromarray(SMALL).quantize(200), "PNG"))
by_opencv("palette_4_bits.png", encoded(Image.fromarray(SMALL).quantize(13), "PNG", bits=4))
by_opencv("one_bit.png", encoded(Image.fromarray(GREY).convert("1"), "PNG"))
by_opencv("interlaced.png", interlaced_png(SMALL))
by_opencv("orientation_6.png", turned("PNG", 6, TINY))
by_hand("opacity.png", encoded(RGBA, "PNG"), [on_ground(RGBA)])
by_hand("grey_opacity.png", encoded(Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(RGBA[..., 3])]), "PNG"),
        [on_ground(np.dstack([GREY, GREY, GREY, RGBA[..., 3]]))])
hidden = Image.fromarray(TINY).quantize(30)
opacities = bytes([0, 100, 255])
read = np.asarray(Image.open(io.BytesIO(encoded(hidden, "PNG", transparency=opacities))).convert("RGBA"))
by_hand("palette_opacity.png", encoded(hidden, "PNG", transparency=opacities), [on_ground(read)])


def moving_png():
    """Four frames that use every way to dispose of a frame and to draw it, and what is to be seen."""
    height, width = TINY.shape[:2]
    patch = np.dstack([TINY[4:12, 3:15, ::-1], np.full((8, 12), 140, np.uint8)])
    whole = np.dstack([TINY, np.full((height, width), 255, np.uint8)])
    frames = [(whole, 0, 0, 0, 0), (patch, 5, 2, 2, 1), (patch, 9, 6, 1, 0), (patch, 0, 0, 0, 1)]
    sequence, data, shown, canvas = 0, b"", [], np.zeros((height, width, 4), np.uint8)
    for number, (pixels, x, y, dispose, blend) in enumerate(frames):
        h, w = pixels.shape[:2]
        data += chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, w, h, x, y, 1, 10, dispose, blend))
        sequence += 1
        compressed = zlib.compress(plain_rows(pixels), 9)
        if number == 0:
            data += chunk(b"IDAT", compressed)
        else:
            data += chunk(b"fdAT", struct.pack(">I", sequence) + compressed)
            sequence += 1
        before = canvas.copy()
        place = canvas[y:y + h, x:x + w]
        if blend == 0:
            place[:] = pixels
        else:
            above, below = pixels[..., 3:].astype(np.int64), place[..., 3:].astype(np.int64)
            through = below * (255 - above)
            weight = above * 255 + through
            mixed = (pixels[..., :3] * above * 255 + place[..., :3] * through + weight // 2) // weight
            place[:] = np.dstack([mixed, (weight + 127) // 255])
        shown.append(on_ground(canvas))
        if dispose == 1:
            place[:] = 0
        elif dispose == 2:
            canvas = before
    control = chunk(b"acTL", struct.pack(">II", len(frames), 0))
    return png(width, height, 8, 6, None, control=control) + data + chunk(b"IEND", b""), shown


by_hand("moving.png", *moving_png())

# ---- WebP
by_opencv("lossy.webp", encoded(PHOTO, "WEBP", quality=80))
by_opencv("lossless.webp", encoded(SMALL, "WEBP", lossless=True))
for name, options in {"lossy_opacity": {"quality": 80}, "lossless_opacity": {"lossless": True, "exact": True}}.items():
    data = encoded(RGBA, "WEBP", **options)
    by_hand(f"{name}.webp", data, [on_ground(cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA))])
by_hand("orientation_6.webp", turned("WEBP", 6, TINY, lossless=True), [TINY])
moving = [Image.fromarray(TINY), Image.fromarray(TINY[:, ::-1].copy()), Image.fromarray(TINY[::-1].copy())]
by_hand("moving.webp", encoded(moving[0], "WEBP", save_all=True, append_images=moving[1:], duration=100, lossless=True), [np.asarray(f) for f in moving])


# ---- TIFF
def tiff(image, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, image, metadata=None, software=None, **options)
    return out.getvalue()


for name, options in {
    "plain": {}, "lzw": {"compression": "lzw", "rowsperstrip": 7}, "deflate": {"compression": "zlib", "predictor": True},
    "packbits": {"compression": "packbits"}, "tiles": {"tile": (16, 16), "compression": "zlib"}, "big_endian": {"byteorder": ">"},
    "big": {"bigtiff": True}, "lzw_predictor": {"compression": "lzw", "predictor": True},
}.items():
    by_opencv(f"{name}.tiff", tiff(TINY, photometric="rgb", **options))
by_opencv("planes.tiff", tiff(np.ascontiguousarray(TINY.transpose(2, 0, 1)), photometric="rgb", planarconfig="separate"))
by_opencv("jpeg_ycc.tiff", tiff(PHOTO, photometric="rgb", compression="jpeg", compressionargs={"level": 90}, rowsperstrip=32))
by_opencv("jpeg_rgb.tiff", tiff(TINY, photometric="rgb", compression="jpeg", compressionargs={"level": 90, "outcolorspace": "rgb"}))
by_opencv("grey16.tiff", tiff(cv2.cvtColor(TINY, cv2.COLOR_RGB2GRAY).astype(np.uint16) * 251 + 77))
by_opencv("rgb16_big_endian.tiff", tiff(TINY.astype(np.uint16) * 251 + 199, photometric="rgb", byteorder=">", compression="zlib", predictor=True))
by_opencv("inverted.tiff", tiff(GREY, photometric="miniswhite"))
by_opencv("palette.tiff", encoded(Image.fromarray(TINY).quantize(60), "TIFF"))
by_opencv("one_bit.tiff", encoded(Image.fromarray(GREY).convert("1"), "TIFF"))
by_opencv("inks.tiff", encoded(Image.fromarray(TINY).convert("CMYK"), "TIFF"))
for number in (3, 6):
    by_opencv(f"orientation_{number}.tiff", turned("TIFF", number, TINY, compression="tiff_lzw"))
small_rgba = np.ascontiguousarray(RGBA[:18, :27])
by_hand("opacity.tiff", tiff(small_rgba, photometric="rgb", extrasamples=["unassalpha"], compression="zlib"), [on_ground(small_rgba)])
by_hand("pages.tiff", encoded(moving[0], "TIFF", save_all=True, append_images=moving[1:], compression="tiff_lzw"), [np.asarray(f) for f in moving])

# ---- BMP and PNM
by_opencv("rgb.bmp", encoded(TINY, "BMP"))
by_opencv("palette.bmp", encoded(Image.fromarray(TINY).quantize(60), "BMP"))
by_opencv("one_bit.bmp", encoded(Image.fromarray(GREY).convert("1"), "BMP"))
by_opencv("rgb.ppm", encoded(TINY, "PPM"))
by_opencv("grey.pgm", encoded(GREY, "PPM"))
by_opencv("one_bit.pbm", encoded(Image.fromarray(GREY).convert("1"), "PPM"))
by_opencv("grey16.pgm", cv2.imencode(".pgm", GREY.astype(np.uint16) * 251 + 77)[1].tobytes())
by_opencv("text.ppm", f"P3\n# a remark\n9 8\n255\n{' '.join(map(str, TINY[:8, :9].ravel()))}\n".encode())

# ---- HEIC and AVIF: near to upright.png
write("upright.png", encoded(SMALL, "PNG"))
for name, number in (("upright", 1), ("turned", 6)):
    exif = Image.Exif()
    exif[0x0112] = number
    stored = Image.fromarray(SMALL)
    if number == 6:
        stored = stored.transpose(Image.Transpose.ROTATE_90)
    write(f"{name}.heic", encoded(stored, "HEIF", quality=85, exif=exif.tobytes()))
    write(f"{name}.avif", encoded(stored, "AVIF", quality=85, exif=exif))
opaque_middle = np.dstack([SMALL, np.where(np.arange(SMALL.shape[1]) < 12, 0, 255).astype(np.uint8)[None].repeat(SMALL.shape[0], 0)])
write("opacity.heic", encoded(opaque_middle, "HEIF", quality=85))
write("opacity.avif", encoded(opaque_middle, "AVIF", quality=85))

with open(os.path.join(HERE, "reference.csv"), "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["file", "page", "width", "height", "sha256", "read_by"])
    out.writerows(rows)
print(len(rows), "pages,", sum(os.path.getsize(os.path.join(HERE, name)) for name in os.listdir(HERE)), "bytes")
