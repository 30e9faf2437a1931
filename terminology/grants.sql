-- What the application role may do with releases: read them. Run at the end of every migration; {application} is its quoted name.
grant select on fhir.release, fhir.release_part, fhir.release_chunk, fhir.release_file to {application};
grant select, insert, update, delete on fhir.closure, fhir.sent to {application};
grant execute on function fhir.closure_add, fhir.sent_keep to {application};
