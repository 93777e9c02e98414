// The subcommands, one file each. Each returns the process's exit code.
#pragma once

#include "app/batch_options.hpp"
#include "app/cluster_options.hpp"
#include "app/convert_options.hpp"
#include "app/data_options.hpp"
#include "app/settings_options.hpp"
#include "codecs/host/zygote.hpp"

#include <string>
#include <vector>

namespace darkroom::app {

int run_convert(convert_options& options, codecs::host::zygote& hosts);
int run_dry(convert_options& options, codecs::host::zygote& hosts);
int run_formats(bool json);
// What can be read and written, as a list in JSON.
std::string formats_json();
// The same with their libraries, in one line: two machines with the same one make the same bytes.
std::string format_names();
int run_info(const std::vector<std::string>& files, bool json, codecs::host::zygote& hosts);
// `directory`: of the journal itself, or a folder that `convert` wrote to.
int run_journal_dump(const std::string& directory);
int run_journal_verify(const std::string& directory);
int run_journal_salvage(const salvage_options& options);
int run_journal_accept(const std::string& data);
int run_journal_adopt(const adopt_options& options);

int run_serve(const settings_options& options, codecs::host::zygote& hosts);
int run_config_check(const settings_options& options);
int run_config_print(const settings_options& options);
int run_health(const std::string& url);
int run_token(const token_options& options);
int run_batch(batch_options& options);
int run_audit(const audit_options& options);
int run_fsck(const fsck_options& options);
int run_backup(const backup_options& options);
int run_restore(const restore_options& options);
int run_cluster(const cluster_options_asked& options);
int run_worker(worker_options_asked& options);
int run_doctor(const doctor_options& options, codecs::host::zygote& hosts);

std::string version_text();

// Says on standard error what is wrong; returns `code`.
int complain(const std::string& sentence, int code);

// Where `convert` keeps what is its own in an output folder, and the journal there.
std::string own_directory(const std::string& out);
std::string journal_directory(const std::string& out);
// Absolute, without links as far as it exists, and without a slash at the end.
std::string absolute_path(const std::string& path);

} // namespace darkroom::app
