// The shipped alerts and dashboards for those who render theirs with jsonnet: the files themselves, with addresses and
// the job of the exporters as settings.
//
//   local backup = (import 'alerts/mixin.libsonnet') + { _config+:: { configmgrBackupJob: 'cm_backup' } };
//   { 'alerts.yml': std.manifestYamlDoc(backup.prometheusAlerts) } + backup.grafanaDashboards
{
  _config+:: {
    // Where docs/ of this project can be read; links to runbooks begin with it.
    configmgrBackupDocs: 'https://example.com/configmgr_backup_exporter/docs/',
    // Where Grafana has the dashboards, by uid.
    configmgrBackupGrafana: 'https://grafana.example.com/d/',
    // The job under which the exporters are scraped.
    configmgrBackupJob: 'configmgr_backup',
  },

  // What stands in the files.
  local shipped = {
    docs: 'https://example.com/configmgr_backup_exporter/docs/',
    grafana: 'https://grafana.example.com/d/',
    selector: 'job="configmgr_backup"',
  },
  local config = self._config,
  local addressed(text) = std.strReplace(
    std.strReplace(text, shipped.docs, config.configmgrBackupDocs), shipped.grafana, config.configmgrBackupGrafana
  ),
  local selecting(text) = std.strReplace(text, shipped.selector, 'job="%s"' % config.configmgrBackupJob),

  // Added to the groups of other mixins, on whichever side of them this one stands.
  prometheusAlerts+:: { groups+: std.parseYaml(selecting(addressed(importstr 'configmgr_backup.yml'))).groups },

  grafanaDashboards+:: {
    'configmgr-backup-fleet.json': std.parseJson(addressed(importstr '../dashboards/fleet.json')),
    'configmgr-backup-site.json': std.parseJson(addressed(importstr '../dashboards/site.json')),
  },
}
