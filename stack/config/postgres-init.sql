-- One database for each server, made when the volume of compose.yaml is empty.
CREATE DATABASE kratos;
CREATE DATABASE keto;
CREATE DATABASE keycloak;
