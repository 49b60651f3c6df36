//! Declarations of FFmpeg's libraries, made from the headers that are installed: layouts of structs differ between
//! versions. The libraries themselves are loaded at run time (`src/native/libav/library.rs`), by the versions written
//! down here.

use std::path::{Path, PathBuf};

const HEADERS: [&str; 8] = [
    "libavcodec/avcodec.h",
    "libavformat/avformat.h",
    "libavutil/display.h",
    "libavutil/imgutils.h",
    "libavutil/mastering_display_metadata.h",
    "libavutil/opt.h",
    "libavutil/pixdesc.h",
    "libswscale/swscale.h",
];

/// Functions of libavformat, libavcodec and libavutil that the program calls.
const AV_FUNCTIONS: &str = "avformat_(version|alloc_context|open_input|close_input|find_stream_info|seek_file|alloc_output_context2|free_context|new_stream|write_header|query_codec)\
|av_(read_frame|write_trailer|interleaved_write_frame|probe_input_buffer2|guess_frame_rate|stream_get_side_data|find_input_format)\
|avio_(alloc_context|context_free)\
|avcodec_(version|alloc_context3|free_context|open2|find_decoder|find_encoder|find_encoder_by_name|parameters_to_context|parameters_from_context|parameters_copy|send_packet|receive_frame|send_frame|receive_packet|flush_buffers|get_name)\
|av_(packet_alloc|packet_free|packet_unref|packet_clone|packet_ref|packet_rescale_ts|packet_side_data_new|stream_new_side_data)\
|av_(frame_alloc|frame_free|frame_unref|frame_ref|frame_get_buffer|frame_make_writable|frame_get_side_data)\
|av_(malloc|free|freep|strdup|strerror|dict_get|dict_set|dict_free|log_set_level|log_set_callback|version_info|q2d|display_rotation_get|display_rotation_set)\
|av_(pix_fmt_desc_get|get_pix_fmt_name|image_get_linesize)\
|avutil_version";

/// Functions of libswscale.
const SCALE_FUNCTIONS: &str = "sws_(getCachedContext|freeContext|scale)|swscale_version";

/// Writes the declarations into cargo's output folder.
pub fn write_declarations() {
    println!("cargo:rerun-if-changed=src/native/build/libav.rs");
    let includes = include_paths();
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    write(&includes, AV_FUNCTIONS, "AvFunctions", &[], &out.join("libav.rs"));
    let shared = ["SwsContext", "SwsFilter", "SwsVector", "AVPixelFormat", "AVClass"];
    write(&includes, SCALE_FUNCTIONS, "ScaleFunctions", &shared, &out.join("swscale.rs"));
}

fn include_paths() -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for library in ["libavformat", "libavcodec", "libavutil", "libswscale"] {
        let found = pkg_config::Config::new().cargo_metadata(false).probe(library).unwrap_or_else(|error| {
            panic!("{library}'s headers were not found (scripts/setup.sh installs them): {error}")
        });
        let major = found.version.split('.').next().unwrap_or_default();
        println!("cargo:rustc-env=SBI_{}_MAJOR={major}", library.to_ascii_uppercase());
        if library == "libavcodec" {
            println!("cargo:rustc-check-cfg=cfg(libav_coded_side_data)");
            // From FFmpeg 6.1 on, what a header says of a whole stream is kept with the stream's parameters.
            let mut numbers = found.version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
            if (numbers.next(), numbers.next()) >= (Some(60), Some(31)) {
                println!("cargo:rustc-cfg=libav_coded_side_data");
            }
        }
        if library == "libavformat" {
            println!("cargo:rustc-check-cfg=cfg(libav_const_output)");
            if major.parse::<u32>().is_ok_and(|major| major >= 61) {
                println!("cargo:rustc-cfg=libav_const_output");
            }
        }
        paths.extend(found.include_paths);
    }
    paths
}

fn write(includes: &[PathBuf], functions: &str, name: &str, elsewhere: &[&str], file: &Path) {
    let headers: String = HEADERS.iter().map(|header| format!("#include <{header}>\n")).collect();
    let mut builder = bindgen::Builder::default()
        .header_contents("libav.h", &headers)
        .clang_args(includes.iter().map(|path| format!("-I{}", path.display())))
        .allowlist_function(functions)
        .dynamic_library_name(name)
        .dynamic_link_require_all(true)
        .prepend_enum_name(false)
        .generate_comments(false)
        .layout_tests(false)
        .derive_debug(false)
        .rust_edition(bindgen::RustEdition::Edition2024);
    if elsewhere.is_empty() {
        builder = builder
            .allowlist_type("AV.*|Sws.*")
            .allowlist_var("AV_.*|AVFMT_.*|AVIO_.*|SWS_.*|AVSEEK_.*|FF_.*|LIBAV.*|AVERROR_.*|AVDISCARD_.*");
    } else {
        builder = builder.allowlist_recursively(false).raw_line("use super::sys::*;");
    }
    let bindings =
        builder.generate().unwrap_or_else(|error| panic!("declarations of FFmpeg's libraries: {error}"));
    bindings.write_to_file(file).expect("cargo's output folder can be written");
}
